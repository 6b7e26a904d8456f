// What the lock-free parts of the channels need of the machine. A test runs the same code over a
// scheduler that tries every interleaving (tests/channel/interleavings.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "wal/base/futex.h"

namespace spillway::channel {

struct NativeThreads {
  template <class T>
  using Atomic = std::atomic<T>;

  /// May return early for no reason.
  static void sleep(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::chrono::nanoseconds duration) {
    futex_wait_for(word, expected, duration);
  }
  static void wake_all(const Atomic<std::uint32_t>& word) { futex_wake_all(word); }
};

}  // namespace spillway::channel
