// The production FileSystem: direct I/O through system calls or io_uring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "wal/io/file.h"

namespace spillway::io {

/// Thread-safe.
class PosixFileSystem final : public FileSystem {
 public:
  /// A directory made here is durable: its parents are synced.
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                    Missing missing) override;

  /// An io_uring; kUnsupported when the kernel or a sandbox refuses, as container runtimes do.
  Result<std::unique_ptr<WriteQueue>> open_write_queue(std::size_t depth,
                                                       Durability durability) override;
};

}  // namespace spillway::io
