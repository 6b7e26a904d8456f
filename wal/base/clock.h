// The time seam: production reads the kernel's clocks, tests a FakeClock.
//
// Nothing durable may depend on wall time: it can jump (engine reliability test B8).
#pragma once

#include <cstdint>

namespace spillway {

/// Thread-safe.
class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Nanoseconds since an arbitrary start; never goes back.
  [[nodiscard]] virtual std::uint64_t monotonic_ns() const = 0;

  /// Milliseconds since 1970-01-01 UTC; may jump either way.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::uint64_t monotonic_ns() const override;
  [[nodiscard]] std::int64_t wall_ms() const override;
};

}  // namespace spillway
