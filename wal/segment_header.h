// The first two blocks of a segment: which incarnation a slot file holds, and where its
// predecessor ended. Normative: docs/format.md, "Segment header".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wal/base/bytes.h"
#include "wal/block.h"
#include "wal/position.h"

namespace spillway::wal {

inline constexpr std::uint32_t kSegmentMagic = 0x47455353;  // "SSEG"
inline constexpr std::uint16_t kSegmentVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 128;

// Header in block 0, the same header again in block 1: one bad sector loses neither.
inline constexpr std::size_t kSegmentHeaderCopies = 2;
inline constexpr std::size_t kSegmentDataOffset = kSegmentHeaderCopies * kBlockAlignBytes;

/// Little-endian on disk, in this order.
struct SegmentHeader {
  std::uint32_t magic = kSegmentMagic;
  std::uint16_t version = kSegmentVersion;
  std::uint16_t incompatible_flags = 0;  // a reader that does not know one must refuse
  ChannelId channel_id{};
  std::uint64_t number = 0;
  std::uint64_t nonce = 0;  // random for each use of the slot
  std::uint64_t first_lsn = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t slot_bytes = 0;
  std::uint64_t predecessor_number = 0;  // 0: this is the first segment
  std::uint64_t predecessor_hash = 0;    // of its last block; equals the first previous_hash here
  std::uint64_t acked_below = 0;         // every entry before was acknowledged at this time
  std::uint64_t created_wall_ms = 0;     // for people; nothing depends on it
  std::array<std::uint64_t, 3> reserved{};
  std::uint64_t hash = 0;  // xxh3-64 of the 120 bytes above, seed 0
};
static_assert(sizeof(SegmentHeader) == kSegmentHeaderBytes);
static_assert(offsetof(SegmentHeader, hash) == kSegmentHeaderBytes - sizeof(std::uint64_t));

// first_lsn is also where the predecessor ends: the log's addresses have no gaps.

/// Writes both copies into `bytes`, which holds kSegmentDataOffset zero bytes.
void encode_segment_header(SegmentHeader header, MutableByteSpan bytes);

/// The newest intact copy in `bytes` (up to kSegmentDataOffset of them), or nullopt.
std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes);

}  // namespace spillway::wal
