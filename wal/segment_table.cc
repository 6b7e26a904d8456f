#include "wal/segment_table.h"

#include <algorithm>

#include "wal/base/check.h"

namespace spillway::wal {

void SegmentTable::append(const Segment& segment) {
  const MutexLock lock(mutex_);
  if (!segments_.empty()) {
    CHECK(segments_.back().number < segment.number);
    CHECK(segments_.back().end_lsn <= segment.first_lsn);
    segments_.back().is_sealed = segments_.back().end_lsn == segment.first_lsn;
  }
  segments_.push_back(segment);
}

void SegmentTable::advance(Lsn end_lsn, Sequence end_sequence) {
  const MutexLock lock(mutex_);
  CHECK(!segments_.empty());
  // Segments behind it have been begun, with blocks in flight.
  std::size_t at = segments_.size() - 1;
  while (at > 0 && segments_[at].first_lsn >= end_lsn) --at;
  // A transaction over several blocks may end in a later segment than it began in; then the
  // segments in between are finished only now.
  for (std::size_t i = at; i > 0 && !segments_[i - 1].is_sealed; --i) {
    segments_[i - 1].end_lsn = segments_[i].first_lsn;
    segments_[i - 1].end_sequence = segments_[i].first_sequence;
    segments_[i - 1].is_sealed = true;
  }
  Segment& segment = segments_[at];
  CHECK(segment.end_lsn <= end_lsn);
  segment.end_lsn = end_lsn;
  segment.end_sequence = end_sequence;
  segment.is_sealed = at + 1 < segments_.size() && segments_[at + 1].first_lsn == end_lsn;
}

void SegmentTable::seal_last() {
  const MutexLock lock(mutex_);
  if (!segments_.empty()) segments_.back().is_sealed = true;
}

std::vector<Segment> SegmentTable::remove_acked(Sequence acked_below) {
  const MutexLock lock(mutex_);
  std::vector<Segment> removed;
  while (!segments_.empty() && segments_.front().is_sealed &&
         segments_.front().end_sequence <= acked_below) {
    removed.push_back(segments_.front());
    segments_.pop_front();
  }
  return removed;
}

std::vector<Segment> SegmentTable::remove_behind(Lsn end_lsn) {
  const MutexLock lock(mutex_);
  std::vector<Segment> removed;
  while (!segments_.empty() && segments_.back().first_lsn > end_lsn) {
    removed.push_back(segments_.back());
    segments_.pop_back();
  }
  return removed;
}

void SegmentTable::put_back(const std::vector<Segment>& segments) {
  const MutexLock lock(mutex_);
  segments_.insert(segments_.begin(), segments.begin(), segments.end());
}

SegmentTable::Segments::const_iterator SegmentTable::find_behind(Sequence sequence) const {
  return std::upper_bound(segments_.begin(), segments_.end(), sequence,
                          [](Sequence at, const Segment& s) { return at < s.end_sequence; });
}

std::optional<Segment> SegmentTable::first_behind(Sequence sequence) const {
  const MutexLock lock(mutex_);
  const auto found = find_behind(sequence);
  if (found == segments_.end()) return std::nullopt;
  return *found;
}

std::uint64_t SegmentTable::bytes_from(Sequence sequence) const {
  const MutexLock lock(mutex_);
  const auto found = find_behind(sequence);
  if (found == segments_.end()) return 0;
  const std::uint64_t bytes = segments_.back().end_lsn - found->first_lsn;
  if (sequence <= found->first_sequence) return bytes;
  const double passed = static_cast<double>(sequence - found->first_sequence) /
                        static_cast<double>(found->end_sequence - found->first_sequence);
  const std::uint64_t segment_bytes = found->end_lsn - found->first_lsn;
  const auto passed_bytes = static_cast<std::uint64_t>(passed * static_cast<double>(segment_bytes));
  return bytes - std::min(passed_bytes, segment_bytes);
}

std::optional<Segment> SegmentTable::find(Lsn lsn) const {
  const MutexLock lock(mutex_);
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), lsn,
                                      [](Lsn at, const Segment& s) { return at < s.end_lsn; });
  if (after == segments_.end() || lsn < after->first_lsn) return std::nullopt;
  return *after;
}

std::vector<Segment> SegmentTable::snapshot() const {
  const MutexLock lock(mutex_);
  return {segments_.begin(), segments_.end()};
}

std::size_t SegmentTable::size() const {
  const MutexLock lock(mutex_);
  return segments_.size();
}

}  // namespace spillway::wal
