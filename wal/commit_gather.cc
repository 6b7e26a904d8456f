#include "wal/commit_gather.h"

#include <sched.h>

namespace spillway::wal {
namespace {

// Ends a wait whatever the clock says. One turn takes from a third of a microsecond on.
constexpr int kTurnsMax = 1000;

}  // namespace

bool CommitGather::should_wait(std::uint64_t write_ns) {
  if (missing_.load(std::memory_order_relaxed) <= 0) return false;
  wait_until_ns_ = woken_ns_ + std::min(write_ns / 2, kWaitNsMax);
  if (clock_.monotonic_ns() >= wait_until_ns_) return false;
  if (skipped_ > 0) {
    --skipped_;
    return false;
  }
  awaited_ = woken_;
  return true;
}

void CommitGather::wait() {
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    if (missing_.load(std::memory_order_relaxed) <= 0) break;
    if (clock_.monotonic_ns() >= wait_until_ns_) break;
    sched_yield();  // to the woken, if they wait for this processor
  }
  const bool was_in_vain = 2 * missing_.load(std::memory_order_relaxed) > awaited_;
  penalty_ = was_in_vain ? std::min(2 * penalty_ + 1, kSkippedMax) : 0;
  skipped_ = penalty_;
}

}  // namespace spillway::wal
