// A Clock that moves only when a test says so.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "wal/base/clock.h"

namespace spillway::test {

/// Thread-safe. Monotonic and wall time move together in advance(); set_wall_ms() makes the wall
/// clock alone jump, as an operator or NTP would.
class FakeClock final : public Clock {
 public:
  static constexpr std::int64_t kStartWallMs = 1'700'000'000'000;  // 2023-11-14T22:13:20Z

  [[nodiscard]] std::uint64_t monotonic_ns() const override { return monotonic_ns_.load(); }
  [[nodiscard]] std::int64_t wall_ms() const override {
    return wall_offset_ms_.load() + static_cast<std::int64_t>(monotonic_ns() / 1'000'000);
  }

  void advance(std::chrono::nanoseconds duration) {
    monotonic_ns_.fetch_add(static_cast<std::uint64_t>(duration.count()));
  }
  void set_wall_ms(std::int64_t wall_ms) {
    wall_offset_ms_.store(wall_ms - static_cast<std::int64_t>(monotonic_ns() / 1'000'000));
  }

 private:
  std::atomic<std::uint64_t> monotonic_ns_{0};
  std::atomic<std::int64_t> wall_offset_ms_{kStartWallMs};
};

}  // namespace spillway::test
