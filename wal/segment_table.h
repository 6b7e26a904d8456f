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

  /// Removes the finished segments whose entries all lie below `acked_below` and returns them.
  std::vector<Segment> remove_acked(Sequence acked_below);

  /// Removes the segments that begin behind `end_lsn` and returns them: what was written there was
  /// given up.
  std::vector<Segment> remove_behind(Lsn end_lsn);

  /// Puts back what remove_acked() returned: the manifest could not be written.
  void put_back(const std::vector<Segment>& segments);

  /// The segment that holds the block at `lsn`.
  [[nodiscard]] std::optional<Segment> find(Lsn lsn) const;
  [[nodiscard]] std::vector<Segment> snapshot() const;
  [[nodiscard]] std::size_t size() const;

 private:
  mutable Mutex mutex_;
  std::deque<Segment> segments_ GUARDED_BY(mutex_);
};

}  // namespace spillway::wal
