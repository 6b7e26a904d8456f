// libFuzzer's entry to the mutations of one stored structure.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tests/fuzz/stored_mutator.h"

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned int seed) {
  using namespace spillway;
  Random random(seed);
  const auto bytes = std::as_bytes(std::span(data, size));
  test::PackedPart part{.file = 0, .block = 0, .bytes = {bytes.begin(), bytes.end()}};
  test::mutate_part(part, wal::hash_seed(test::kLoneBlockChannel), random);
  const std::size_t kept = std::min(part.bytes.size(), size_max);
  if (kept > 0) std::memcpy(data, part.bytes.data(), kept);
  return kept;
}
