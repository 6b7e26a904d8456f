// What the unacknowledged part of the log takes on disk, and the limit to it (`maxBytes`).
//
// Keeps no account of its own that could drift: the bytes follow from where the log ends and what
// is acknowledged, so they are right again after every restart. Who waits how long is Capacity's.
#pragma once

#include <cstdint>

#include "channel/capacity.h"
#include "channel/delivery.h"
#include "wal/base/mutex.h"
#include "wal/segment_table.h"

namespace spillway::channel {

/// Thread-safe. All three must outlive it.
class DiskUsage {
 public:
  DiskUsage(Capacity& capacity, const wal::SegmentTable& segments, const Delivery& delivery)
      : capacity_(capacity),
        segments_(segments),
        delivery_(delivery),
        is_limited_(capacity.bytes_max() != Capacity::kUnlimited) {}

  /// Of the segments from the block of the oldest unacknowledged event to the end of the log;
  /// inside the first one by proportion.
  [[nodiscard]] std::uint64_t bytes() const {
    return segments_.bytes_from(delivery_.acked_below());
  }

  /// What a put of so many encoded bytes may add; 0 without a limit.
  [[nodiscard]] std::uint64_t cost_of_put(std::uint64_t encoded_bytes) const;

  /// The log has grown, or events have been acknowledged: corrects what the capacity has in use.
  /// `reserved_bytes` of a finished put are given back with it.
  void settle(std::uint64_t reserved_bytes = 0);

 private:
  Capacity& capacity_;
  const wal::SegmentTable& segments_;
  const Delivery& delivery_;
  const bool is_limited_;

  Mutex mutex_;
  std::uint64_t accounted_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway::channel
