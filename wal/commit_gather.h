// Lets a block wait for the committers who have just been woken, where such have come back before.
//
// Two groups of committers that commit again and again would otherwise take turns for ever: while
// the block of one is under way the other is staged, and goes next, alone. A few microseconds of
// patience make one group of them. Whoever commits alone never waits, and where the woken do not
// come back within that time it is soon no longer tried. Source: PostgreSQL's commit_siblings, with
// what was seen in place of a setting (docs/decisions/0307-gathering-commits.md).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "wal/base/clock.h"

namespace spillway::wal {

/// Belongs to LogWriter, whose lock is held but for note_commit() and wait().
class CommitGather {
 public:
  explicit CommitGather(const Clock& clock) : clock_(clock) {}

  /// `count` waiting committers are being woken.
  void note_woken(std::int64_t count) {
    woken_ = count;
    missing_.store(count, std::memory_order_relaxed);  // a hint: orders nothing
    woken_ns_ = clock_.monotonic_ns();
  }

  /// Somebody commits and will wait. Thread-safe.
  void note_commit() { missing_.fetch_sub(1, std::memory_order_relaxed); }

  /// Whether the next block should wait(), given what writing one takes.
  [[nodiscard]] bool should_wait(std::uint64_t write_ns);

  /// Until the woken are back or it takes too long: half of a write, at most kWaitNsMax. For
  /// whoever got true from should_wait(), before anybody asks again.
  void wait();

 private:
  static constexpr std::uint64_t kWaitNsMax = 50'000;
  static constexpr std::uint32_t kSkippedMax = 63;

  const Clock& clock_;
  std::atomic<std::int64_t> missing_{0};  // of woken_; below 0 when others came
  std::int64_t woken_ = 0;
  std::uint64_t woken_ns_ = 0;

  // Of whoever waits, or is about to.
  std::int64_t awaited_ = 0;
  std::uint64_t wait_until_ns_ = 0;
  std::uint32_t penalty_ = 0;  // chances to let pass after each that was in vain
  std::uint32_t skipped_ = 0;  // that are left to let pass
};

}  // namespace spillway::wal
