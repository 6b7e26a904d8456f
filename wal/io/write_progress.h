// How far one write has come when the kernel takes only part of it.
#pragma once

#include <cstdint>

#include "wal/base/bytes.h"
#include "wal/base/result.h"

namespace spillway::io {

/// Shared by the system-call and the io_uring path so that both read a result the same way.
/// A short write goes on from the last whole block, because direct I/O takes no other offset.
class WriteProgress {
 public:
  WriteProgress() = default;
  WriteProgress(std::uint64_t offset, ByteSpan bytes) : offset_(offset), rest_(bytes) {}

  /// Takes the kernel's answer to a write of rest() at offset(): a byte count, or a negated errno.
  /// True: all written. False: write rest() at offset() now.
  Result<bool> account(std::int64_t kernel_result);

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] ByteSpan rest() const { return rest_; }

 private:
  Result<bool> try_again(int error);

  std::uint64_t offset_ = 0;
  ByteSpan rest_;
  int fruitless_count_ = 0;  // answers in a row that completed no block
};

}  // namespace spillway::io
