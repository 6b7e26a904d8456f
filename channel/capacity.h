// The room a channel has: events and bytes that are put and not yet acknowledged.
//
// Knows numbers only; what a unit of `bytes` is (encoded bytes, slots) and who waits how long are
// the channel's affairs. Source: the capacity semaphores of Flume's memory and file channel.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>

#include "wal/base/mutex.h"
#include "wal/base/result.h"

namespace spillway::channel {

/// Thread-safe. Room is granted strictly in the order in which it was asked for, so small batches
/// cannot starve a large one; who asks while others wait queues behind them.
class Capacity {
 public:
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;

  /// Whose bytes they are: the configuration key that errors name.
  enum class Bytes : std::uint8_t { kByteCapacity, kMaxBytes };

  Capacity(std::uint64_t events_max, std::uint64_t bytes_max, Bytes bytes = Bytes::kByteCapacity)
      : events_max_(events_max), bytes_max_(bytes_max), bytes_(bytes) {}

  /// CHECKs that nobody waits any more.
  ~Capacity();
  Capacity(const Capacity&) = delete;
  Capacity& operator=(const Capacity&) = delete;

  /// kTooLarge: it would not even fit into an empty channel.
  [[nodiscard]] Result<void> check(std::uint64_t events, std::uint64_t bytes) const;

  /// Reserves both amounts or nothing, waiting up to `wait` for release() (0: do not wait).
  ///
  /// kFull: no room in time. kTooLarge: as check(). kClosed: close() was called.
  Result<void> acquire(std::uint64_t events, std::uint64_t bytes, std::chrono::milliseconds wait);

  /// Gives back what acquire() or restore() counted, in any portions.
  void release(std::uint64_t events, std::uint64_t bytes);

  /// Counts what a restarted channel still holds; may exceed the maximum, which may have been
  /// lowered since.
  void restore(std::uint64_t events, std::uint64_t bytes);

  /// Fails all present and later acquire() calls with kClosed. Idempotent.
  void close();

  // relaxed: a number of the moment; a thread sees at least what it has acquired itself.
  [[nodiscard]] std::uint64_t used_events() const {
    return used_events_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t used_bytes() const {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t waiting_count() const;  // acquire() calls that wait now
  [[nodiscard]] std::uint64_t events_max() const { return events_max_; }
  [[nodiscard]] std::uint64_t bytes_max() const { return bytes_max_; }

 private:
  struct Waiter {  // lives on the stack of its acquire()
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    bool is_granted = false;
    CondVar wake{};
  };

  [[nodiscard]] bool fits_events(std::uint64_t events) const REQUIRES(mutex_);
  [[nodiscard]] bool fits(std::uint64_t events, std::uint64_t bytes) const REQUIRES(mutex_);
  [[nodiscard]] Error full_error(bool lacks_bytes) const;
  void use(std::uint64_t events, std::uint64_t bytes) REQUIRES(mutex_);
  void grant_in_order() REQUIRES(mutex_);
  Result<void> wait_for_grant(MutexLock& lock, Waiter& waiter, std::chrono::milliseconds wait)
      REQUIRES(mutex_);

  const std::uint64_t events_max_;
  const std::uint64_t bytes_max_;
  const Bytes bytes_;

  mutable Mutex mutex_;
  std::atomic<std::uint64_t> used_events_{0};  // like the next, changed under mutex_
  std::atomic<std::uint64_t> used_bytes_{0};
  bool is_closed_ GUARDED_BY(mutex_) = false;
  std::deque<Waiter*> waiters_ GUARDED_BY(mutex_);  // oldest first; the first does not fit
};

}  // namespace spillway::channel
