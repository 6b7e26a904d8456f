// OpenFlag: may this component be used or looked at now?
#pragma once

#include <atomic>

#include "wal/base/mutex.h"

namespace spillway::agent {

/// Thread-safe. Set after a component's start(), cleared before its stop(): who looks at it inside
/// while_set() overlaps with neither, and never waits for a slow one.
class OpenFlag {
 public:
  void set(bool is_set) {
    const MutexLock lock(mutex_);
    is_set_.store(is_set, std::memory_order_release);
  }

  // Acquire pairs with the release in set(): who sees true sees a started component.
  [[nodiscard]] bool is_set() const { return is_set_.load(std::memory_order_acquire); }

  /// Calls `look()` if set, and keeps it set meanwhile; `look` must be quick.
  template <class Look>
  void while_set(Look&& look) const {
    const MutexLock lock(mutex_);
    if (is_set()) look();
  }

 private:
  mutable Mutex mutex_;  // held while the flag changes and while someone looks
  std::atomic<bool> is_set_{false};
};

}  // namespace spillway::agent
