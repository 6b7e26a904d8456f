#include "wal/block_cache.h"

#include <utility>

#include "wal/base/check.h"

namespace spillway::wal {

void BlockCache::add(Block block) {
  const std::uint64_t size = block_bytes(block.header.payload_bytes);
  const MutexLock lock(mutex_);
  if (blocks_.empty()) is_run_over_ = false;
  if (is_run_over_) return;
  if (bytes_ + size > bytes_max_) {
    is_run_over_ = true;
    return;
  }
  CHECK(blocks_.empty() || blocks_.back().lsn() < block.lsn());
  bytes_ += size;
  blocks_.push_back(std::move(block));
}

std::optional<Block> BlockCache::take(Lsn lsn) {
  const MutexLock lock(mutex_);
  while (!blocks_.empty() && blocks_.front().lsn() <= lsn) {
    Block block = std::move(blocks_.front());
    blocks_.pop_front();
    bytes_ -= block_bytes(block.header.payload_bytes);
    if (block.lsn() == lsn) {
      hits.add();
      return block;
    }
  }
  misses.add();
  return std::nullopt;
}

std::optional<Lsn> BlockCache::first_lsn() const {
  const MutexLock lock(mutex_);
  if (blocks_.empty()) return std::nullopt;
  return blocks_.front().lsn();
}

std::uint64_t BlockCache::bytes() const {
  const MutexLock lock(mutex_);
  return bytes_;
}

}  // namespace spillway::wal
