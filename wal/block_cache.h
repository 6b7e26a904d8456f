// Durable blocks that no consumer has read yet, kept in memory so that they need not be read back.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/block.h"

namespace spillway::wal {

/// Thread-safe. Blocks enter in log order and leave from the front, through one reader, which may
/// be anywhere behind them or among them. What is kept is one run of the log: once a block found no
/// room, none is kept until the reader has passed the run, because it has to read the disk between
/// the two anyway and what is newest is what it will want last.
class BlockCache {
 public:
  explicit BlockCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  void add(Block block);

  /// Takes out the block at `lsn` and forgets everything before it; nullopt when it is not here.
  std::optional<Block> take(Lsn lsn);

  /// Where the run begins; nullopt when nothing is kept.
  [[nodiscard]] std::optional<Lsn> first_lsn() const;

  [[nodiscard]] std::uint64_t bytes() const;

  Counter hits;
  Counter misses;

 private:
  const std::uint64_t bytes_max_;
  mutable Mutex mutex_;
  std::deque<Block> blocks_ GUARDED_BY(mutex_);
  std::uint64_t bytes_ GUARDED_BY(mutex_) = 0;
  bool is_run_over_ GUARDED_BY(mutex_) = false;  // a block behind the run was not kept
};

}  // namespace spillway::wal
