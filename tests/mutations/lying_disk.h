// A file system that lies to the engine in one way, over one that tells the truth: what an engine
// would do that skipped a step. The tests of the engine have to notice each of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "wal/io/file.h"

namespace spillway::test {

enum class Lie : std::uint8_t {
  kNone,
  kSkipFlush,          // a durable write is not
  kSkipDirectorySync,  // created and removed names are not made durable
  kHideShortWrite,     // half of a write, or all of a small one, is left out, and nobody is told
  kHideWriteError,     // a failed write is reported as done
  kRetrySync,          // a sync that failed is called again, and believed
};

/// snake_case, as in docs/testing.md.
std::string lie_name(Lie lie);

class LyingDisk final : public io::FileSystem {
 public:
  /// `disk` outlives everything opened here.
  LyingDisk(io::FileSystem& disk, Lie lie) : disk_(disk), lie_(lie) {}

  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override;
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t depth,
                                                           io::Durability durability) override;

 private:
  io::FileSystem& disk_;
  const Lie lie_;
};

}  // namespace spillway::test
