// Seeds of randomised tests: the same ones on every run, one of your own, or many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/tried.h"

namespace spillway::test {

/// SPILLWAY_SEED=<n> replays one seed; SPILLWAY_SEED_COUNT=<n> runs n instead of `count`.
inline std::vector<std::uint64_t> seeds(std::size_t count) {
  // NOLINTBEGIN(concurrency-mt-unsafe): nobody sets the environment
  if (const char* const one = std::getenv("SPILLWAY_SEED")) {
    const std::uint64_t seed = std::strtoull(one, nullptr, 10);
    note_seeds(seed, seed);
    return {seed};
  }
  if (const char* const many = std::getenv("SPILLWAY_SEED_COUNT")) {
    count = std::strtoull(many, nullptr, 10);
  }
  // NOLINTEND(concurrency-mt-unsafe)
  std::vector<std::uint64_t> all;
  for (std::size_t i = 1; i <= count; ++i) all.push_back(i);
  note_seeds(1, count);
  return all;
}

/// For a failure message.
inline std::string replay_hint(std::uint64_t seed) {
  return "seed " + std::to_string(seed) + " (replay: SPILLWAY_SEED=" + std::to_string(seed) + ")";
}

}  // namespace spillway::test
