// When entries became durable: for how long they wait, and how old the oldest is.
//
// A few thousand marks whatever the backlog. Ages come out too high rather than too low: by at most
// a millisecond at first, more as old marks are merged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "wal/base/mutex.h"
#include "wal/position.h"

namespace spillway::channel {

/// Thread-safe. Knows nothing of entries from before it was opened.
class PutTimes {
 public:
  static constexpr std::size_t kMarksMax = 4096;
  static constexpr std::uint64_t kResolutionNs = 1'000'000;

  /// Entries from `first` on will be noted.
  void open(wal::Sequence first);

  /// The entries below `end` that are new became durable at `now_ns`. In order.
  void note(wal::Sequence end, std::uint64_t now_ns);

  /// When `sequence` became durable, or a little earlier; nullopt when it is not, or was before.
  [[nodiscard]] std::optional<std::uint64_t> time_of(wal::Sequence sequence) const;

  /// Nobody will ask for these any more.
  void forget_below(wal::Sequence sequence);

 private:
  struct Mark {
    wal::Sequence end;          // covers what lies between the mark before and here
    std::uint64_t time_ns = 0;  // of the first of them
  };

  mutable Mutex mutex_;
  wal::Sequence first_ GUARDED_BY(mutex_){1};
  std::deque<Mark> marks_ GUARDED_BY(mutex_);
  std::uint64_t resolution_ns_ GUARDED_BY(mutex_) = kResolutionNs;
};

}  // namespace spillway::channel
