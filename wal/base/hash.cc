#include "wal/base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <new>

#include "wal/base/check.h"
#include "wal/base/hash_kernel.h"

namespace spillway {
namespace {

#ifdef SPILLWAY_HASH_AVX2
constexpr bool kHasKernel = true;
bool has_avx2() {
  static const bool is_there = __builtin_cpu_supports("avx2") != 0;
  return is_there;
}
#else
constexpr bool kHasKernel = false;  // nor is hash_avx2.cc linked
[[maybe_unused]] bool has_avx2() {
  return false;
}
#endif

}  // namespace

std::uint64_t xxh3_64(ByteSpan bytes, std::uint64_t seed) {
  if constexpr (kHasKernel) {
    if (bytes.size() >= hash_kernel::kLongBytes && has_avx2()) {
      return hash_kernel::hash_avx2(bytes.data(), bytes.size(), seed);
    }
  }
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

std::uint64_t xxh3_64(ByteSpan a, ByteSpan b, std::uint64_t seed) {
  if (b.empty()) return xxh3_64(a, seed);
  if (a.empty()) return xxh3_64(b, seed);
  Xxh3Stream stream(seed);
  stream.update(a);
  stream.update(b);
  return stream.digest();
}

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the library sets what it reads
Xxh3Stream::Xxh3Stream(std::uint64_t seed) {
  static_assert(sizeof(XXH3_state_t) <= kStateBytes);
  static_assert(alignof(XXH3_state_t) <= 64);
  auto* state = ::new (state_.data()) XXH3_state_t;
  XXH3_INITSTATE(state);
  CHECK(XXH3_64bits_reset_withSeed(state, seed) == XXH_OK);
}

void Xxh3Stream::update(ByteSpan bytes) {
  if (bytes.empty()) return;
  auto* state = std::launder(reinterpret_cast<XXH3_state_t*>(state_.data()));
  if constexpr (kHasKernel) {
    if (bytes.size() >= hash_kernel::kLongBytes && has_avx2()) {
      return hash_kernel::update_avx2(state, bytes.data(), bytes.size());
    }
  }
  CHECK(XXH3_64bits_update(state, bytes.data(), bytes.size()) == XXH_OK);
}

std::uint64_t Xxh3Stream::digest() const {
  return XXH3_64bits_digest(std::launder(reinterpret_cast<const XXH3_state_t*>(state_.data())));
}

}  // namespace spillway
