// WriteQueue over File::write_at, for where io_uring is forbidden (seccomp,
// kernel.io_uring_disabled) or slower. Works with every File, simulated ones too.
#pragma once

#include <optional>
#include <vector>

#include "wal/io/file.h"

namespace spillway::io {

/// submit() blocks for the whole write, so reap() never does and there is nothing to interrupt.
class SyncWriteQueue final : public WriteQueue {
 public:
  [[nodiscard]] std::size_t depth() const override { return 1; }
  void submit(File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override;
  void reap(std::vector<WriteDone>& done, Wait wait) override;
  void interrupt() override {}

 private:
  std::optional<WriteDone> finished_;  // not reaped yet
};

}  // namespace spillway::io
