// Mutations of what the log stores that get past its checksums: a field is changed, or the
// Protocol Buffers behind it, and then lengths, hashes and the chain of hashes are made right
// again.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/packed_image.h"
#include "wal/base/bytes.h"
#include "wal/base/random.h"
#include "wal/block.h"

// libFuzzer's own mutation; replay_test.cc has a simple one for other builds.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

namespace spillway::test {

/// Of the inputs that are one block and come without the channel they belong to.
inline constexpr wal::ChannelId kLoneBlockChannel{std::byte{1}, std::byte{2}, std::byte{3}};

/// Makes the lengths and hashes of one structure right, whichever it is. `seed` is the channel's.
void reseal(PackedPart& part, std::uint64_t seed);

/// Changes one structure and, mostly, reseals it.
void mutate_part(PackedPart& part, std::uint64_t seed, Random& random);

/// Changes one structure, or where some of them lie; mostly everything is sealed again, and often
/// chained again, too.
void mutate_image(PackedImage& image, Random& random);

}  // namespace spillway::test
