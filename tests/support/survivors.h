// Which unfinished disk operations survive a power loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace spillway::test {

enum class Fate : std::uint8_t {
  kLost,
  kKept,
  kTorn,  // sector by sector: right 25 %, else garbage 2/3, else lost
};

/// One outcome of a power loss; `fates` follows the order of SimDisk::pending().
struct Survivors {
  std::string name;  // for test messages
  std::vector<Fate> fates;
  std::uint64_t seed = 0;  // draws the torn sectors
};

/// The outcomes that find most bugs: none, all, each one missing, each one alone, every ordered
/// prefix, every prefix with the next one torn, and `random_count` random mixtures. No duplicates
/// among those without torn ones.
std::vector<Survivors> survivor_choices(std::size_t pending_count, std::uint64_t seed,
                                        std::size_t random_count = 16);

/// Every subset, nothing torn: 2^pending_count, which must be at most 2^12.
std::vector<Survivors> all_survivors(std::size_t pending_count);

}  // namespace spillway::test
