// Includes nothing that other files share as inline code: the linker might keep this copy of it,
// and run it on a processor without AVX2.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "wal/base/hash_kernel.h"

namespace spillway::hash_kernel {

std::uint64_t hash_avx2(const void* bytes, std::size_t size, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, size, seed);
}

void update_avx2(void* state, const void* bytes, std::size_t size) {
  XXH3_64bits_update(static_cast<XXH3_state_t*>(state), bytes, size);
}

}  // namespace spillway::hash_kernel
