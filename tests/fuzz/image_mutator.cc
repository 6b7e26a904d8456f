// libFuzzer's entry to the mutations of a packed directory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "tests/fuzz/stored_mutator.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned int seed) {
  using namespace spillway;
  Random random(seed);
  test::PackedImage image = test::unpack(std::as_bytes(std::span(data, size)));
  for (std::uint64_t i = random.between(1, 3); i > 0; --i) test::mutate_image(image, random);
  const std::vector<std::byte> packed = test::pack(image);
  const std::size_t kept = std::min(packed.size(), size_max);
  if (kept > 0) std::memcpy(data, packed.data(), kept);
  return kept;
}
