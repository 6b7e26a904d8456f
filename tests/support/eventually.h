// Waiting for a condition another thread brings about, without sleeping for a guessed time.
#pragma once

#include <chrono>
#include <thread>

namespace spillway::test {

/// Generous: reached only when something hangs.
inline constexpr std::chrono::seconds kPatience{60};

/// Evaluates `condition` until it is true or kPatience is over; returns its last value.
template <class Condition>
bool eventually(Condition&& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return condition();
    std::this_thread::yield();
  }
  return true;
}

}  // namespace spillway::test
