// How long the oldest event of a file channel has been waiting.
#pragma once

#include <cstdint>
#include <optional>

#include "channel/delivery.h"
#include "wal/base/clock.h"
#include "wal/base/mutex.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"

namespace spillway::channel {

/// Thread-safe. Never too low, as long as the wall clock does not jump.
class OldestAge {
 public:
  OldestAge(const wal::ChannelId& id, const Delivery& delivery, wal::SlotPool& slots,
            const wal::SegmentTable& segments, const Clock& clock)
      : id_(id), delivery_(delivery), slots_(slots), segments_(segments), clock_(clock) {}

  /// Of the oldest unacknowledged event; 0 when there is none. What was put before the last start
  /// counts as old as its segment, which may have taken a while to fill; 0 too when its header
  /// cannot be read.
  std::uint64_t age_ns();

 private:
  std::uint64_t segment_age_ns(const wal::Segment& segment);

  const wal::ChannelId id_;
  const Delivery& delivery_;
  wal::SlotPool& slots_;
  const wal::SegmentTable& segments_;
  const Clock& clock_;

  Mutex mutex_;
  wal::SegmentNumber segment_ GUARDED_BY(mutex_);  // whose header was read last; 0: none yet
  std::optional<std::uint64_t> created_wall_ms_ GUARDED_BY(mutex_);
};

}  // namespace spillway::channel
