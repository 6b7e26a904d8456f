// Mutex, MutexLock and CondVar: std::mutex with the annotations that clang's -Wthread-safety needs.
//
// A field says GUARDED_BY(mutex_), a private function REQUIRES(mutex_); a forgotten lock is then a
// build failure under clang. g++ sees plain classes. Waiting is a loop over the condition, never a
// predicate: the analysis cannot look into a lambda.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "wal/base/check.h"

#if defined(__clang__)
#define SPILLWAY_THREAD_ATTRIBUTE(attribute) __attribute__((attribute))
#else
#define SPILLWAY_THREAD_ATTRIBUTE(attribute)
#endif

#define GUARDED_BY(mutex) SPILLWAY_THREAD_ATTRIBUTE(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) SPILLWAY_THREAD_ATTRIBUTE(pt_guarded_by(mutex))
#define REQUIRES(...) SPILLWAY_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) SPILLWAY_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) SPILLWAY_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) SPILLWAY_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) SPILLWAY_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define CAPABILITY(name) SPILLWAY_THREAD_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY SPILLWAY_THREAD_ATTRIBUTE(scoped_lockable)
#define NO_THREAD_SAFETY_ANALYSIS SPILLWAY_THREAD_ATTRIBUTE(no_thread_safety_analysis)

namespace spillway {

class CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() ACQUIRE() { mutex_.lock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

/// Holds the mutex from construction to destruction, except between unlock() and lock().
class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() RELEASE() {
    if (is_held_) mutex_.unlock();
  }

  void lock() ACQUIRE() {
    CHECK(!is_held_);
    mutex_.lock();
    is_held_ = true;
  }
  void unlock() RELEASE() {
    CHECK(is_held_);
    is_held_ = false;
    mutex_.unlock();
  }

 private:
  friend class CondVar;
  Mutex& mutex_;
  bool is_held_ = true;
};

/// Wakes may be spurious: always wait in a loop over the condition.
class CondVar {
 public:
  CondVar() = default;
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  /// Releases the lock while it sleeps and holds it again on return.
  void wait(MutexLock& lock) {
    CHECK(lock.is_held_);
    std::unique_lock native(lock.mutex_.mutex_, std::adopt_lock);
    condition_.wait(native);
    native.release();
  }

  /// As wait(); false when `duration` passed first (monotonic clock).
  bool wait_for(MutexLock& lock, std::chrono::nanoseconds duration) {
    CHECK(lock.is_held_);
    std::unique_lock native(lock.mutex_.mutex_, std::adopt_lock);
    const std::cv_status status = condition_.wait_for(native, duration);
    native.release();
    return status == std::cv_status::no_timeout;
  }

  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace spillway
