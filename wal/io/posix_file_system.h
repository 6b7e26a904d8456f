// The production FileSystem: direct I/O through system calls or io_uring.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "wal/io/file.h"

namespace spillway::io {

/// How a WriteQueue talks to the kernel.
enum class QueueKind : std::uint8_t {
  kAuto,         // io_uring if the kernel and the sandbox allow it, else system calls
  kUring,        // io_uring, or kUnsupported
  kSystemCalls,  // pwritev2, one write at a time
};

/// Thread-safe.
class PosixFileSystem final : public FileSystem {
 public:
  explicit PosixFileSystem(QueueKind queue_kind = QueueKind::kAuto) : queue_kind_(queue_kind) {}

  /// A directory made here is durable: its parents are synced.
  Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                    Missing missing) override;

  Result<std::unique_ptr<WriteQueue>> open_write_queue(std::size_t depth) override;

 private:
  const QueueKind queue_kind_;
};

}  // namespace spillway::io
