// Deadline: a wait given as a duration, counted down over several sleeps.
#pragma once

#include <algorithm>
#include <chrono>

namespace spillway::channel {

/// On the monotonic clock of the machine: it bounds sleeping threads, which no fake clock can wake.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds wait)
      : end_(std::chrono::steady_clock::now() + std::min(wait, kWaitMax)) {}

  /// What is left to wait; zero or less when the deadline has passed.
  [[nodiscard]] std::chrono::nanoseconds rest() const {
    return end_ - std::chrono::steady_clock::now();
  }

 private:
  // Keeps now + wait far from the end of the clock.
  static constexpr std::chrono::milliseconds kWaitMax = std::chrono::hours(24 * 365);

  std::chrono::steady_clock::time_point end_;
};

}  // namespace spillway::channel
