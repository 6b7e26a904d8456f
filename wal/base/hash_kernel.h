// The loop of xxh3-64 over long inputs, compiled once more for processors with AVX2.
//
// Twice to three times as fast as the baseline of x86-64; the values are the same. Only hash.cc
// uses this, and only with a processor that has it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spillway::hash_kernel {

/// From this length on xxh3 takes its long way; below it the baseline is as fast.
inline constexpr std::size_t kLongBytes = 512;

std::uint64_t hash_avx2(const void* bytes, std::size_t size, std::uint64_t seed);

/// `state` is an XXH3_state_t.
void update_avx2(void* state, const void* bytes, std::size_t size);

}  // namespace spillway::hash_kernel
