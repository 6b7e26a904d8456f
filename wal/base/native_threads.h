// What lock-free code needs of the machine. A test runs the same code over a
// scheduler that tries every interleaving (tests/support/interleavings.h).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "wal/base/futex.h"

namespace spillway {

struct NativeThreads {
  template <class T>
  using Atomic = std::atomic<T>;

  /// Both may return early for no reason.
  static void sleep(const Atomic<std::uint32_t>& word, std::uint32_t expected) {
    futex_wait(word, expected);
  }
  static void sleep(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::chrono::nanoseconds duration) {
    futex_wait_for(word, expected, duration);
  }
  static void wake_all(const Atomic<std::uint32_t>& word) { futex_wake_all(word); }
};

}  // namespace spillway
