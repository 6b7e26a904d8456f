// The segments that hold unacknowledged entries, in log order.
//
// Any finished segment may leave once its entries are acknowledged, not only the oldest: an event
// that hangs costs its own segment (docs/decisions/0305-reclaiming-from-the-middle.md). What is
// missing between two segments of the table is acknowledged, always.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "wal/base/mutex.h"
#include "wal/segment.h"

namespace spillway::wal {

/// Thread-safe: the writer appends, the checkpoint removes, the reader looks up.
class SegmentTable {
 public:
  /// Starts a new last segment where the one before ends, or will end once the transaction that
  /// reaches from it into the new one is durable.
  void append(const Segment& segment);

  /// The log is durable up to here: in the last segment, or in one before when blocks of later ones
  /// are still in flight.
  void advance(Lsn end_lsn, Sequence end_sequence);

  /// Nothing will be added to the last segment any more, although no other follows yet.
  void seal_last();

  /// Whether all entries of a range are acknowledged.
  using IsAcked = std::function<bool(const SequenceRange& entries)>;

  /// Removes the finished segments that end at or before `end_lsn` and whose entries are all
  /// acknowledged, and returns them. The last one goes only with all others: the log must end in a
  /// segment of the table.
  std::vector<Segment> remove_drained(Lsn end_lsn, const IsAcked& is_acked);

  /// Removes the segments that begin behind `end_lsn` and returns them, the newest first: what was
  /// written there was given up.
  std::vector<Segment> remove_behind(Lsn end_lsn);

  /// Puts back what remove_drained() returned: the manifest could not be written.
  void put_back(const std::vector<Segment>& segments);

  /// The entries of the segment that holds `sequence`, if that is finished and may leave the table
  /// before later ones.
  [[nodiscard]] std::optional<SequenceRange> finished_around(Sequence sequence) const;

  /// Entries of segments that have left from between others, ascending.
  [[nodiscard]] std::vector<SequenceRange> gaps() const;

  /// Bytes of the segments from the entry `sequence` on; where in a segment an entry lies is judged
  /// by proportion.
  [[nodiscard]] std::uint64_t bytes_from(Sequence sequence) const;

  /// The segment that holds the block at `lsn`.
  [[nodiscard]] std::optional<Segment> find(Lsn lsn) const;

  /// The first segment that begins behind `lsn`.
  [[nodiscard]] std::optional<Segment> next_behind(Lsn lsn) const;

  [[nodiscard]] std::vector<Segment> snapshot() const;
  [[nodiscard]] std::size_t size() const { return count_.load(std::memory_order_relaxed); }

  /// The highest number of a segment that has been finished; it may have left the table.
  [[nodiscard]] SegmentNumber last_sealed() const {
    return {last_sealed_.load(std::memory_order_relaxed)};
  }

 private:
  using Segments = std::deque<Segment>;
  [[nodiscard]] Segments::const_iterator find_behind(Sequence sequence) const REQUIRES(mutex_);
  void seal(Segment& segment) REQUIRES(mutex_);
  void count() REQUIRES(mutex_);

  mutable Mutex mutex_;
  Segments segments_ GUARDED_BY(mutex_);
  std::uint64_t gap_bytes_ GUARDED_BY(mutex_) = 0;  // of the log, between the segments
  std::atomic<std::size_t> count_{0};
  std::atomic<std::uint64_t> last_sealed_{0};
};

}  // namespace spillway::wal
