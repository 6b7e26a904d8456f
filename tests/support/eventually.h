// Waiting for a condition that another thread or process brings about.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace spillway::test {

/// Asks `is_met` every few milliseconds until it is true; false after a generous deadline. A pause
/// of the whole machine counts as a second at most.
template <class Condition>
bool eventually(Condition&& is_met, std::chrono::seconds deadline = std::chrono::seconds(120)) {
  using std::chrono::steady_clock;
  constexpr steady_clock::duration kPauseMax = std::chrono::seconds(1);
  steady_clock::duration left = deadline;
  for (auto before = steady_clock::now(); !is_met();) {
    if (left.count() <= 0) return false;
    ::poll(nullptr, 0, 5);
    const auto now = steady_clock::now();
    left -= std::min(now - before, kPauseMax);
    before = now;
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
