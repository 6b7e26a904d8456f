// The stand-in for libFuzzer's plain mutations.
#pragma once

#include <cstdint>

namespace spillway::test {

/// The same mutations follow the same seed.
void seed_plain_mutations(std::uint64_t seed);

}  // namespace spillway::test
