// File over pread and pwritev2. Opened by PosixDirectory; contract in wal/io/file.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wal/io/file.h"
#include "wal/io/owned_fd.h"

namespace spillway::io {

/// Thread-safe for disjoint ranges: it has no state beside the descriptor.
class PosixFile final : public File {
 public:
  /// `is_direct`: `fd` was opened with O_DIRECT, so reads must be aligned too.
  PosixFile(OwnedFd fd, bool is_direct) : fd_(std::move(fd)), is_direct_(is_direct) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override;
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, Durability durability) override;
  Result<void> sync() override;
  Result<std::uint64_t> size_bytes() override;
  Result<void> allocate(std::uint64_t size_bytes) override;
  Result<void> truncate(std::uint64_t size_bytes) override;
  [[nodiscard]] int descriptor() const override { return fd_.get(); }

 private:
  Result<void> write_zeros_until(std::uint64_t size_bytes);

  const OwnedFd fd_;
  const bool is_direct_;
};

}  // namespace spillway::io
