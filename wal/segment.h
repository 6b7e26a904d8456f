// What is known about one segment, and where its bytes lie in its slot file.
#pragma once

#include <cstdint>

#include "wal/block.h"
#include "wal/key_ring.h"
#include "wal/position.h"
#include "wal/segment_header.h"

namespace spillway::wal {

/// Number of a slot file: `slot-00007.seg` is 7. A slot holds one segment after another.
using SlotId = std::uint32_t;

struct Segment {
  SegmentNumber number;
  SlotId slot = 0;
  std::uint64_t nonce = 0;
  std::uint64_t slot_bytes = 0;
  Lsn first_lsn;
  Sequence first_sequence;
  Lsn end_lsn;             // of what is durable, or of a gap behind it; final once is_sealed
  Sequence end_sequence;   // likewise
  KeyId key_id = 0;        // of its master key; 0: plain text
  bool is_sealed = false;  // nothing will be added: another segment follows

  /// Where the block at `lsn` lies in the slot file.
  [[nodiscard]] std::uint64_t offset_of(Lsn lsn) const {
    return kSegmentDataOffset + (lsn - first_lsn);
  }
  /// First address that does not fit any more.
  [[nodiscard]] Lsn limit_lsn() const { return first_lsn + (slot_bytes - kSegmentDataOffset); }
  /// False for numbers that no segment has: places computed from them might wrap around.
  [[nodiscard]] bool is_possible() const {
    return slot_bytes > kSegmentDataOffset && slot_bytes <= kSlotBytesMax &&
           slot_bytes % kBlockAlignBytes == 0 && first_lsn.value % kBlockAlignBytes == 0 &&
           end_lsn.value % kBlockAlignBytes == 0 && first_lsn <= end_lsn &&
           first_sequence.value >= 1 && first_sequence <= end_sequence &&
           end_lsn.value < kPositionEnd && end_sequence.value < kPositionEnd &&
           number.value < kPositionEnd;
  }
  [[nodiscard]] bool contains(Lsn lsn) const { return first_lsn <= lsn && lsn < end_lsn; }
};

}  // namespace spillway::wal
