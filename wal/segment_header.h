// The first two blocks of a segment: which incarnation a slot file holds, and where its
// predecessor ended. Normative: docs/format.md, "Segment header".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/block.h"
#include "wal/position.h"

namespace spillway::wal {

inline constexpr std::uint32_t kSegmentMagic = 0x47455353;  // "SSEG"
inline constexpr std::uint32_t kDiscardMagic = 0x43534453;  // "SDSC"
inline constexpr std::uint16_t kSegmentVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 128;

// The segment's blocks are encrypted, and the name of the key stands behind the header.
inline constexpr std::uint16_t kEncryptedSegmentFlag = 1;

// Header in block 0, the same header again in block 1: one bad sector loses neither.
inline constexpr std::size_t kSegmentHeaderCopies = 2;
inline constexpr std::size_t kSegmentDataOffset = kSegmentHeaderCopies * kBlockAlignBytes;

// Behind the header and the name of the key, in each copy: first sequence and count of up to 244
// ranges, ended by zeros or the end of the block.
inline constexpr std::size_t kReclaimedRangesOffset = 192;
inline constexpr std::size_t kReclaimedRangesBytes = kBlockAlignBytes - kReclaimedRangesOffset;

// Larger ones are not made, and not believed.
inline constexpr std::uint64_t kSlotBytesMax = std::uint64_t{1} << 40U;

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
  std::uint64_t key_id = 0;              // of the master key; 0: plain text
  std::uint64_t key_alias_hash = 0;      // xxh3-64 of the kKeyAliasBytesMax bytes behind, seed 0
  std::uint64_t reclaimed_hash = 0;      // xxh3-64 of the reclaimed ranges, seed 0; 0: none
  std::uint64_t hash = 0;                // xxh3-64 of the 120 bytes above, seed 0
};
static_assert(sizeof(SegmentHeader) == kSegmentHeaderBytes);
static_assert(offsetof(SegmentHeader, hash) == kSegmentHeaderBytes - sizeof(std::uint64_t));

// first_lsn is also where the predecessor ends: the log's addresses have no gaps.

/// Writes both copies into `bytes`, which holds kSegmentDataOffset zero bytes. `key_alias`, with
/// key_id only: what people call the key. `reclaimed`: entries of segments that were reclaimed from
/// between others; of too many the last ones are left out.
void encode_segment_header(SegmentHeader header, MutableByteSpan bytes,
                           std::string_view key_alias = {},
                           std::span<const SequenceRange> reclaimed = {});

/// Writes both copies of the mark of a slot that is being deleted: a header of nothing.
void encode_discard_mark(MutableByteSpan bytes);

/// Whether `bytes` (up to kSegmentDataOffset of them) hold that mark and no intact header.
bool has_discard_mark(ByteSpan bytes);

/// The newest intact copy in `bytes` (up to kSegmentDataOffset of them), or nullopt.
std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes);

/// What people called the key of the segment whose header decode_segment_header() finds in `bytes`;
/// empty without a header and for plain text. Any bytes, as the operator wrote them.
std::string decode_key_alias(ByteSpan bytes);

/// The reclaimed ranges of the header that decode_segment_header() finds in `bytes`; empty without
/// a header, and when both copies of them are damaged.
std::vector<SequenceRange> decode_reclaimed(ByteSpan bytes);

}  // namespace spillway::wal
