// Durable blocks that no consumer has read yet, kept in memory so that they need not be read back.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/block.h"

namespace spillway::wal {

/// Thread-safe. Blocks enter in log order and leave from the front, through one reader. When the
/// budget is spent new blocks are not kept: the reader is far behind, and the oldest are the ones
/// it will want first.
class BlockCache {
 public:
  explicit BlockCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  void add(Block block);

  /// Takes out the block at `lsn` and forgets everything before it; nullopt when it is not here.
  std::optional<Block> take(Lsn lsn);

  [[nodiscard]] std::uint64_t bytes() const;

  Counter hits;
  Counter misses;

 private:
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::deque<Block> blocks_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway::wal
