#include "wal/segment_table.h"

#include <algorithm>
#include <iterator>

#include "wal/base/check.h"

namespace spillway::wal {
namespace {

// What lies between two segments, of which the first is finished, has been reclaimed. Before that
// its blocks may be in flight still.
bool has_gap(const Segment& before, const Segment& segment) {
  return before.is_sealed && before.end_lsn < segment.first_lsn;
}

bool is_before(const Segment& a, const Segment& b) {
  return a.number < b.number;
}

}  // namespace

void SegmentTable::append(const Segment& segment) {
  const MutexLock lock(mutex_);
  if (!segments_.empty()) {
    CHECK(segments_.back().number < segment.number);
    CHECK(segments_.back().end_lsn <= segment.first_lsn);
    if (segments_.back().end_lsn == segment.first_lsn) seal(segments_.back());
  }
  segments_.push_back(segment);
  if (segment.is_sealed) seal(segments_.back());
  count();
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
    seal(segments_[i - 1]);
  }
  Segment& segment = segments_[at];
  CHECK(segment.end_lsn <= end_lsn);
  segment.end_lsn = end_lsn;
  segment.end_sequence = end_sequence;
  segment.is_sealed = false;
  if (at + 1 < segments_.size() && segments_[at + 1].first_lsn == end_lsn) seal(segment);
}

void SegmentTable::seal_last() {
  const MutexLock lock(mutex_);
  if (!segments_.empty()) seal(segments_.back());
}

void SegmentTable::seal(Segment& segment) {
  segment.is_sealed = true;
  if (last_sealed_.load() < segment.number.value) last_sealed_.store(segment.number.value);
}

void SegmentTable::count() {
  count_.store(segments_.size(), std::memory_order_relaxed);
  gap_bytes_ = 0;
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    if (!has_gap(segments_[i - 1], segments_[i])) continue;
    gap_bytes_ += segments_[i].first_lsn - segments_[i - 1].end_lsn;
  }
}

std::vector<Segment> SegmentTable::remove_drained(Lsn end_lsn, const IsAcked& is_acked) {
  // Asked for without the lock: what is finished stays as it is, and the table may be long.
  std::vector<Segment> drained = snapshot();
  std::erase_if(drained, [&](const Segment& segment) {
    return !segment.is_sealed || segment.end_lsn > end_lsn ||
           !is_acked({.first = segment.first_sequence, .end = segment.end_sequence});
  });
  if (drained.empty()) return drained;
  const MutexLock lock(mutex_);
  const bool has_last = drained.back().number == segments_.back().number;
  if (has_last && drained.size() < segments_.size()) drained.pop_back();
  Segments left;
  std::set_difference(segments_.begin(), segments_.end(), drained.begin(), drained.end(),
                      std::back_inserter(left), is_before);
  segments_.swap(left);
  count();
  return drained;
}

std::vector<Segment> SegmentTable::remove_behind(Lsn end_lsn) {
  const MutexLock lock(mutex_);
  std::vector<Segment> removed;
  while (!segments_.empty() && segments_.back().first_lsn > end_lsn) {
    removed.push_back(segments_.back());
    segments_.pop_back();
  }
  count();
  return removed;
}

void SegmentTable::put_back(const std::vector<Segment>& segments) {
  const MutexLock lock(mutex_);
  Segments all;
  std::merge(segments_.begin(), segments_.end(), segments.begin(), segments.end(),
             std::back_inserter(all), is_before);
  segments_.swap(all);
  count();
}

SegmentTable::Segments::const_iterator SegmentTable::find_behind(Sequence sequence) const {
  return std::upper_bound(segments_.begin(), segments_.end(), sequence,
                          [](Sequence at, const Segment& s) { return at < s.end_sequence; });
}

std::optional<SequenceRange> SegmentTable::finished_around(Sequence sequence) const {
  const MutexLock lock(mutex_);
  const auto found = find_behind(sequence);
  const bool is_finished = found != segments_.end() && std::next(found) != segments_.end() &&
                           found->first_sequence <= sequence && found->is_sealed;
  if (!is_finished) return std::nullopt;
  return SequenceRange{.first = found->first_sequence, .end = found->end_sequence};
}

std::vector<SequenceRange> SegmentTable::gaps() const {
  const MutexLock lock(mutex_);
  std::vector<SequenceRange> gaps;
  for (std::size_t i = 1; i < segments_.size(); ++i) {
    const SequenceRange gap{.first = segments_[i - 1].end_sequence,
                            .end = segments_[i].first_sequence};
    if (has_gap(segments_[i - 1], segments_[i]) && !gap.is_empty()) gaps.push_back(gap);
  }
  return gaps;
}

std::uint64_t SegmentTable::bytes_from(Sequence sequence) const {
  const MutexLock lock(mutex_);
  const auto found = find_behind(sequence);
  if (found == segments_.end()) return 0;
  std::uint64_t bytes = segments_.back().end_lsn - found->first_lsn - gap_bytes_;
  // What is drained goes at the next checkpoint: there is seldom anything in front.
  for (auto at = segments_.begin(); at != found; ++at) {
    if (has_gap(*at, *std::next(at))) bytes += std::next(at)->first_lsn - at->end_lsn;
  }
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

std::optional<Segment> SegmentTable::next_behind(Lsn lsn) const {
  const MutexLock lock(mutex_);
  const auto next = std::upper_bound(segments_.begin(), segments_.end(), lsn,
                                     [](Lsn at, const Segment& s) { return at < s.first_lsn; });
  if (next == segments_.end()) return std::nullopt;
  return *next;
}

std::vector<Segment> SegmentTable::snapshot() const {
  const MutexLock lock(mutex_);
  return {segments_.begin(), segments_.end()};
}

}  // namespace spillway::wal
