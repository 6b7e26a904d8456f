// Seeded pseudo-random numbers for jitter, sampling and reproducible tests; not for secrets.
//
// Source: SplitMix64 (Steele, Lea, Flood 2014). The sequence of a seed never changes, so that a
// printed seed replays a test run on any machine.
#pragma once

#include <cstdint>
#include <limits>

#include "wal/base/check.h"

namespace spillway {

/// Not thread-safe. Is a UniformRandomBitGenerator, so the standard algorithms take it.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }

  /// Uniform in [0, end); `end` > 0. The bias is below end / 2^64.
  std::uint64_t below(std::uint64_t end) {
    CHECK(end > 0);
    return next() % end;
  }

  /// Uniform in [first, last], both included.
  std::uint64_t between(std::uint64_t first, std::uint64_t last) {
    CHECK(first <= last);
    const std::uint64_t width = last - first;
    return width == std::numeric_limits<std::uint64_t>::max() ? next() : first + below(width + 1);
  }

  /// True once in `n` calls on average.
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  /// Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11U) * 0x1.0p-53; }

  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return std::numeric_limits<std::uint64_t>::max(); }
  std::uint64_t operator()() { return next(); }

 private:
  std::uint64_t state_;
};

}  // namespace spillway
