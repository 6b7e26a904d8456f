// A small channel directory as the input of a fuzzer: the structures that lie in it and nothing
// between them, so that a mutation hits something that is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "channel/file_channel.h"
#include "tests/crash/flat_disk.h"
#include "wal/base/bytes.h"

namespace spillway::test {

/// What lies at one block boundary; zeros follow it.
struct PackedPart {
  std::uint8_t file = 0;  // 0: the manifest; n: slot n
  // In units of 4 KiB; in the manifest from kPackedSlotBBlock on: of its second slot.
  std::uint8_t block = 0;
  std::vector<std::byte> bytes;  // fewer than 64 KiB
};
using PackedImage = std::vector<PackedPart>;

inline constexpr std::uint8_t kPackedSlotBBlock = 128;

// Marks among the parts of a file.
inline constexpr std::uint8_t kPackedCut = 255;      // cut to the size that the first bytes say
inline constexpr std::uint8_t kPackedMissing = 254;  // it is not there
inline constexpr std::uint8_t kPackedBlocksMax = 250;

/// Slots of four blocks behind the headers, no threads.
channel::FileChannelOptions packed_options();

/// Any bytes are an image: what is not understood is left out.
PackedImage unpack(ByteSpan input);
std::vector<std::byte> pack(const PackedImage& image);

PackedImage to_packed(const DiskImage& disk);
DiskImage to_disk(const PackedImage& image);

/// The part that begins there; nullptr when there is none.
PackedPart* find_part(PackedImage& image, std::uint8_t file, std::uint8_t block);

}  // namespace spillway::test
