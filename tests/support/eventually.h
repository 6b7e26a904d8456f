// Waiting for a condition that another thread or process brings about.
#pragma once

#include <poll.h>

#include <chrono>

namespace spillway::test {

/// Asks `is_met` every few milliseconds until it is true; false after a generous deadline.
template <class Condition>
bool eventually(Condition&& is_met, std::chrono::seconds deadline = std::chrono::seconds(120)) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!is_met()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

/// Gives other threads the chance to get on, for a few milliseconds. No test may depend on how far
/// they come: it only makes the interesting order likely.
inline void give_way() {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
}

}  // namespace spillway::test
