// The segments that hold unacknowledged entries, in log order.
#pragma once

#include <cstdint>
#include <deque>
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

  /// Removes the finished segments whose entries all lie below `acked_below` and returns them.
  std::vector<Segment> remove_acked(Sequence acked_below);

  /// Removes the segments that begin behind `end_lsn` and returns them: what was written there was
  /// given up.
  std::vector<Segment> remove_behind(Lsn end_lsn);

  /// Puts back what remove_acked() returned: the manifest could not be written.
  void put_back(const std::vector<Segment>& segments);

  /// The segment of the first entry at or behind `sequence`; nullopt at the end of the log.
  [[nodiscard]] std::optional<Segment> first_behind(Sequence sequence) const;

  /// Bytes of the log from the entry `sequence` to its end; where in a segment an entry lies is
  /// judged by proportion.
  [[nodiscard]] std::uint64_t bytes_from(Sequence sequence) const;

  /// The segment that holds the block at `lsn`.
  [[nodiscard]] std::optional<Segment> find(Lsn lsn) const;
  [[nodiscard]] std::vector<Segment> snapshot() const;
  [[nodiscard]] std::size_t size() const;

 private:
  using Segments = std::deque<Segment>;
  [[nodiscard]] Segments::const_iterator find_behind(Sequence sequence) const REQUIRES(mutex_);

  mutable Mutex mutex_;
  Segments segments_ GUARDED_BY(mutex_);
};

}  // namespace spillway::wal
