// A number that whoever runs a test may set.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace spillway::test {

inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets the environment
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace spillway::test
