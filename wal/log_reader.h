// The consumers' way through the log: every durable block once, in order, around what is damaged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/block_cache.h"
#include "wal/log_writer.h"
#include "wal/read_ahead.h"
#include "wal/segment_reader.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"

namespace spillway::wal {

/// Bytes that were durable once and cannot be read any more.
struct LostRange {
  Lsn first_lsn;
  Lsn end_lsn;
  SequenceRange entries;  // may be empty: acknowledgements only
};

/// Not thread-safe, but for stop() and bytes_ahead(). Segments stay in the table until their
/// entries are acknowledged; those that were before the last start may leave it while they are
/// read, and are passed over or, if their slot is used again already, count as lost. While it reads
/// from disk, a thread reads ahead of it; none of that happens while the cache has what it wants.
class LogReader {
 public:
  LogReader(const ChannelId& id, const LogOptions& options, SlotPool& slots,
            const SegmentTable& segments, BlockCache& cache);

  /// The next block will be the one at `lsn`, whose first entry is `sequence`.
  void seek(Lsn lsn, Sequence sequence);

  /// Exactly one of them is set, or none: the reader has reached `end`.
  struct Step {
    std::optional<Block> block;
    std::optional<LostRange> lost;
    // No segment holds these bytes any more: they went when their entries were acknowledged. It is
    // for the caller, who knows of acknowledgements, to be surprised.
    std::optional<LostRange> reclaimed;
  };

  /// Goes one block on, at most to `end`, which may be older than what is durable by now. Errors
  /// are worth a retry; the position stays.
  Result<Step> next(const LogEnd& end);

  [[nodiscard]] Lsn lsn() const { return lsn_; }
  [[nodiscard]] Sequence sequence() const { return sequence_; }

  /// Ends reading ahead.
  void stop() { ahead_.stop(); }

  /// Read from disk, or being read, before anybody asked for it.
  [[nodiscard]] std::uint64_t bytes_ahead() const { return ahead_.bytes_ahead(); }

  Counter disk_read_bytes;

 private:
  Result<Step> read_from_disk(const LogEnd& end);
  Step pass_reclaimed(const LogEnd& end);
  Result<Step> skip_damage(const Segment& segment, Lsn segment_end, Sequence segment_end_sequence);
  Step lose(Lsn end_lsn, Sequence end_sequence);
  LostRange skip_to(Lsn end_lsn, Sequence end_sequence);

  const ChannelId id_;
  const std::uint64_t seed_;
  const std::shared_ptr<const KeyRing> keys_;
  SlotPool& slots_;
  const SegmentTable& segments_;
  BlockCache& cache_;

  Lsn lsn_;
  Sequence sequence_{1};
  ReadAhead ahead_;
  std::unique_ptr<SegmentReader> reader_;  // of the segment that holds lsn_; nullptr: on the cache
};

}  // namespace spillway::wal
