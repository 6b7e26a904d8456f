// What became of a batch, for the threads that wait for it.
#pragma once

#include <atomic>
#include <cstdint>

#include "wal/base/native_threads.h"

namespace spillway::wal {

/// Set once, waited for by any number of threads. Thread-safe. Whoever sees a set outcome sees
/// everything its setter did before.
///
/// One futex word for all sleepers; setting it makes no system call when nobody sleeps, as with a
/// producer that writes its own transaction.
template <class Threads = NativeThreads>
class Outcome {
 public:
  enum class Value : std::uint32_t { kStaged = 0, kDurable = 1, kFailed = 2 };

  Outcome() = default;
  Outcome(const Outcome&) = delete;
  Outcome& operator=(const Outcome&) = delete;

  [[nodiscard]] Value get() const { return value_of(word_.load(std::memory_order_acquire)); }

  /// Returns the outcome once it is set.
  Value wait() {
    std::uint32_t word = word_.load(std::memory_order_acquire);
    while (value_of(word) == Value::kStaged) {
      // An outcome set before this is in what it returns; one set later sees the bit. acquire pairs
      // with the release in set().
      word = word_.fetch_or(kHasSleepers, std::memory_order_acquire);
      if (value_of(word) != Value::kStaged) break;
      Threads::sleep(word_, kHasSleepers);
      word = word_.load(std::memory_order_acquire);
    }
    return value_of(word);
  }

  void set(Value value) {
    const std::uint32_t before =
        word_.exchange(static_cast<std::uint32_t>(value), std::memory_order_release);
    if ((before & kHasSleepers) != 0) Threads::wake_all(word_);
  }

 private:
  static constexpr std::uint32_t kHasSleepers = 4;

  static Value value_of(std::uint32_t word) { return Value{word & ~kHasSleepers}; }

  typename Threads::template Atomic<std::uint32_t> word_{0};
};

}  // namespace spillway::wal
