// Which entries are acknowledged: everything below a mark, and a few ranges above it.
//
// Consumers take in order and give back to the front, so the ranges are at most as many as there
// are open take transactions: no bitmap, no index per event.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "wal/position.h"

namespace spillway::checkpoint {

/// A value type; not thread-safe.
class AckState {
 public:
  AckState() = default;
  explicit AckState(wal::Sequence below) : below_(below) {}

  /// Acknowledges `range`; entries may be acknowledged already. Returns how many were not.
  std::uint64_t add(wal::SequenceRange range);

  /// Takes back a range that one add() acknowledged, all of it new.
  void remove(wal::SequenceRange range);

  /// Every entry before it is acknowledged, it itself is not.
  [[nodiscard]] wal::Sequence below() const { return below_; }

  /// Acknowledged ranges above below(), ascending, not adjacent.
  [[nodiscard]] std::vector<wal::SequenceRange> ranges() const;
  [[nodiscard]] std::size_t range_count() const { return ranges_.size(); }

  /// Entries acknowledged above below().
  [[nodiscard]] std::uint64_t count_above() const { return count_above_; }

  /// The part of `range` that starts at its first unacknowledged entry and reaches to the next
  /// acknowledged one; empty (at range.end) when all are acknowledged.
  [[nodiscard]] wal::SequenceRange first_pending(wal::SequenceRange range) const;

  /// Whether all of `range` are acknowledged.
  [[nodiscard]] bool covers(wal::SequenceRange range) const {
    return first_pending(range).is_empty();
  }

  /// The same without what lies at or behind `end`.
  [[nodiscard]] AckState before(wal::Sequence end) const;

 private:
  wal::Sequence below_{1};
  std::map<wal::Sequence, wal::Sequence> ranges_;  // first -> end
  std::uint64_t count_above_ = 0;
};

}  // namespace spillway::checkpoint
