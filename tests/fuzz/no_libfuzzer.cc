#include "tests/fuzz/no_libfuzzer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "wal/base/random.h"

namespace {

spillway::Random plain_mutations(0);

}  // namespace

void spillway::test::seed_plain_mutations(std::uint64_t seed) {
  plain_mutations = Random(seed);
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t size_max) {
  spillway::Random& random = plain_mutations;
  const std::uint64_t kind = random.below(4);
  if ((kind == 0 || size == 0) && size < size_max) {
    const std::size_t at = random.below(size + 1);
    std::copy_backward(data + at, data + size, data + size + 1);
    data[at] = static_cast<std::uint8_t>(random.below(256));
    return size + 1;
  }
  if (size == 0) return 0;
  const std::size_t at = random.below(size);
  if (kind == 1 && size > 1) {
    std::copy(data + at + 1, data + size, data + at);
    return size - 1;
  }
  if (kind == 2) {
    data[at] = static_cast<std::uint8_t>(random.below(256));
  } else {
    data[at] = static_cast<std::uint8_t>(data[at] ^ (1U << random.below(8)));
  }
  return size;
}
