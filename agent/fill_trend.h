// When a channel will be full if it goes on as it has done for the last minute.
#pragma once

#include <cstdint>
#include <deque>

#include "wal/base/mutex.h"

namespace spillway::agent {

/// Thread-safe. Knows what it has been told, which is when somebody looks at the metrics.
class FillTrend {
 public:
  /// The channel holds `events` of `capacity` now. Seconds until it is full; infinity when it does
  /// not fill, and at the first look.
  double seconds_to_full(std::uint64_t now_ns, std::uint64_t events, std::uint64_t capacity);

 private:
  struct Look {
    std::uint64_t at_ns = 0;
    std::uint64_t events = 0;
  };

  Mutex mutex_;
  std::deque<Look> looks_ GUARDED_BY(mutex_);  // oldest first, at least a second apart
};

}  // namespace spillway::agent
