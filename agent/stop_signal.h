// StopSignal: "please stop", said once to a thread that may be waiting.
#pragma once

#include <chrono>

#include "wal/base/mutex.h"

namespace spillway::agent {

/// Thread-safe. Every pause of the runtime is a wait on one of these, so that a stop never has to
/// sit out a back-off.
class StopSignal {
 public:
  /// Idempotent; wakes every waiter, now and later.
  void request() {
    const MutexLock lock(mutex_);
    is_requested_ = true;
    changed_.notify_all();
  }

  [[nodiscard]] bool is_requested() const {
    const MutexLock lock(mutex_);
    return is_requested_;
  }

  /// Returns when a stop is requested.
  void wait() {
    MutexLock lock(mutex_);
    while (!is_requested_) changed_.wait(lock);
  }

  /// Waits up to `duration`; true when a stop is requested.
  bool wait_for(std::chrono::milliseconds duration) {
    const auto deadline = std::chrono::steady_clock::now() + duration;
    MutexLock lock(mutex_);
    while (!is_requested_) {
      const auto left = deadline - std::chrono::steady_clock::now();
      if (left <= left.zero()) return false;
      changed_.wait_for(lock, left);
    }
    return true;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool is_requested_ GUARDED_BY(mutex_) = false;  // set once, never cleared
};

}  // namespace spillway::agent
