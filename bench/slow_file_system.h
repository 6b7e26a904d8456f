// A file system whose durable writes take longer: a device that has turned slow.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "wal/base/clock.h"
#include "wal/io/file.h"

namespace spillway::bench {

/// Hands everything on to another file system; a durable write returns `delay_ns` later than it
/// would. Writes in flight at the same time are late together, as behind a slow flush.
class SlowFileSystem final : public io::FileSystem {
 public:
  /// Both must outlive this and what it opens.
  SlowFileSystem(io::FileSystem& real, const Clock& clock, std::uint64_t delay_ns)
      : real_(real), clock_(clock), delay_ns_(delay_ns) {}

  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override;
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t depth,
                                                           io::Durability durability) override;

 private:
  io::FileSystem& real_;
  const Clock& clock_;
  const std::uint64_t delay_ns_;
};

}  // namespace spillway::bench
