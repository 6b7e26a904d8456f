// Where threads sleep until there is something for them; ringing costs one load when nobody sleeps.
#pragma once

#include <chrono>
#include <cstdint>
#include <thread>

#include "wal/base/native_threads.h"

namespace spillway::channel {

/// Thread-safe. The sleeper: prepare(), look whether there is something after all, sleep(). Who has
/// something for it: make it visible (seq_cst), then ring().
template <class Threads = NativeThreads>
class Doorbell {
 public:
  Doorbell() = default;
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  /// From here on ring() makes sleep() with the result return.
  [[nodiscard]] std::uint32_t prepare() {
    // seq_cst, like the sleeper's look that follows, like what the ringer does before ring() and
    // like the load in ring(): of these four in one order, the later of the two looks sees it all.
    return word_.fetch_or(kIsAwaited, std::memory_order_seq_cst) | kIsAwaited;
  }

  /// Returns after a ring() since prepare(), after `duration`, or for no reason: look again.
  void sleep(std::uint32_t prepared, std::chrono::nanoseconds duration) {
    Threads::sleep(word_, prepared, duration);
  }

  /// Wakes everybody who sleeps or has prepared to.
  void ring() {
    std::uint32_t word = word_.load(std::memory_order_seq_cst);
    if ((word & kIsAwaited) == 0) return;
    // Clears the bit and counts the ring: a bit alone could be set again by the next sleeper before
    // the last one has gone to sleep on it. If the exchange fails, somebody else has rung since.
    // relaxed: sleepers see what they were rung for by that thing's own atomics or lock.
    if (word_.compare_exchange_strong(word, word + 1, std::memory_order_relaxed,
                                      std::memory_order_relaxed)) {
      Threads::wake_all(word_);
    }
  }

 private:
  static constexpr std::uint32_t kIsAwaited = 1;  // above it: number of rings

  // Alone on its line: read by every producer, written only around a sleep.
  alignas(64) typename Threads::template Atomic<std::uint32_t> word_{0};
};

/// Before sleeping: looks a few times more, giving up the processor in between. A producer that is
/// busy is back within microseconds, and then pays for no wake-up.
template <class Look>
bool look_again(const Look& has_something) {
  constexpr int kLooks = 16;
  for (int i = 0; i < kLooks; ++i) {
    if (has_something()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace spillway::channel
