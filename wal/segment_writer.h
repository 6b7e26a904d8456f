// Decides where the next block goes: its address, its segment, its place in the hash chain.
//
// Owns the tail of the log and writes segment headers; writing the blocks themselves is left to
// LogWriter, so that it may have several in flight.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "wal/base/clock.h"
#include "wal/base/random.h"
#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/block_cipher.h"
#include "wal/block_memory.h"
#include "wal/io/aligned_buffer.h"
#include "wal/segment.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"

namespace spillway::wal {

/// Where a log ends and how it continues.
struct LogEnd {
  Lsn lsn;
  Sequence next_sequence{1};
  std::uint64_t chain_hash = 0;  // of the last block
  SegmentNumber last_segment;    // highest number ever seen, used or discarded
};

/// Not thread-safe: belongs to whoever holds the writer role. After a failed write of a block it is
/// not used any more, or told to abandon() it.
class SegmentWriter {
 public:
  SegmentWriter(const ChannelId& id, const LogOptions& options, SlotPool& slots,
                SegmentTable& segments, const Clock& clock);

  /// Starts a new segment at `end`. The segment that was open at a crash is never appended to: what
  /// lies behind its end could otherwise come back to life. Without space for it the log opens
  /// nevertheless, and starts the segment with its next block: consumers must be able to go on.
  Result<void> open_new(const LogEnd& end, Sequence acked_below);

  /// Goes on in `segment`, the last in the table, after a clean stop at `end`. Never while
  /// encrypting, and never in an encrypted segment: see may_go_on_in().
  Result<void> open_existing(const LogEnd& end, const Segment& segment);

  /// A copy of the directory, put back after the original went on, would write other blocks at the
  /// addresses of the original under the same key: only a new segment is safe.
  [[nodiscard]] bool may_go_on_in(const Segment& segment) const {
    return !is_encrypting_ && segment.key_id == 0;
  }

  struct Place {
    std::shared_ptr<io::File> file;
    std::uint64_t offset = 0;
    ByteSpan bytes;       // what is to be written there: the block itself, or its encrypted copy
    SharedMemory memory;  // holds the copy until it is written
  };

  /// Gives the block in `bytes` the next address and completes it; `header` must have its payload
  /// fields, with tag_bytes() counted, flags and durable_lsn. Starts a new segment, with a durable
  /// write of its header, when the block does not fit. kNoSpace there, whatever ails the
  /// directories, leaves the end as it was.
  Result<Place> place(MutableByteSpan bytes, BlockHeader& header, Sequence acked_below);

  /// Before the first block of a transaction of several, of these sizes: makes sure of the slots it
  /// needs, and starts a new segment when all of it fits into one but not into what is left of
  /// this one. kNoSpace: nothing has been written.
  Result<void> prepare_transaction(std::span<const std::uint64_t> block_sizes,
                                   Sequence first_sequence, Sequence acked_below);

  enum class Slots : std::uint8_t {
    kReuse,  // those of segments given up are spare again
    kLeave,  // nothing is written to them before the log is opened again: the device refused
  };

  /// Gives up what has been placed behind `end`, between two transactions: the next block starts a
  /// new segment there, and what lies behind in older ones is never looked at again.
  void abandon(const LogEnd& end, Slots slots);

  /// Ends the segment before it is full, between two transactions: once its entries are
  /// acknowledged, its slot may become the next segment's.
  void finish_segment();

  /// The end after all placed blocks. Its next_sequence is the caller's to know.
  [[nodiscard]] const LogEnd& end() const { return end_; }

  /// Whether the last segment in the table is one that takes blocks.
  [[nodiscard]] bool is_open() const { return file_ != nullptr; }

  /// Room every block has to leave behind its payload.
  [[nodiscard]] std::size_t tag_bytes() const { return is_encrypting_ ? kBlockTagBytes : 0; }

  /// What can be written without a new slot.
  [[nodiscard]] std::uint64_t room_bytes() const;

  /// Largest block any segment can hold.
  [[nodiscard]] std::uint64_t block_bytes_max() const;

 private:
  Result<void> start_segment(Sequence first_sequence, Sequence acked_below,
                             SlotPool::Prewrite prewrite);
  void seal(MutableByteSpan bytes, BlockHeader& header, Place& place);

  const ChannelId channel_id_;
  const std::uint64_t seed_;
  const std::uint64_t slot_bytes_;
  SlotPool& slots_;
  SegmentTable& segments_;
  const Clock& clock_;
  Random nonces_;
  const std::shared_ptr<const KeyRing> keys_;
  const bool is_encrypting_;
  std::shared_ptr<SlabPool> sealed_memory_;

  LogEnd end_;
  Segment segment_;
  std::unique_ptr<BlockCipher> cipher_;  // of segment_, if it is encrypted
  SegmentNumber predecessor_;            // of the next segment to start
  std::shared_ptr<io::File> file_;
  io::AlignedBuffer header_buffer_;
};

}  // namespace spillway::wal
