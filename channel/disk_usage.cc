#include "channel/disk_usage.h"

#include "wal/block.h"
#include "wal/block_payload.h"

namespace spillway::channel {

std::uint64_t DiskUsage::cost_of_put(std::uint64_t encoded_bytes) const {
  return is_limited_ ? wal::block_bytes(wal::put_bytes(encoded_bytes)) : 0;
}

void DiskUsage::settle(std::uint64_t reserved_bytes) {
  if (!is_limited_) return;
  const MutexLock lock(mutex_);
  // Under the lock, so that the last one to come accounts for all before.
  const std::uint64_t used = bytes();
  capacity_.restore(0, used);
  capacity_.release(0, accounted_bytes_ + reserved_bytes);
  accounted_bytes_ = used;
}

}  // namespace spillway::channel
