#include "checkpoint/ack_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "wal/base/check.h"

namespace spillway::checkpoint {

using wal::Sequence;
using wal::SequenceRange;

std::uint64_t AckState::add(SequenceRange range) {
  range.first = std::max(range.first, below_);
  if (range.first >= range.end) return 0;

  // Merge with every range that overlaps or touches.
  Sequence first = range.first;
  Sequence end = range.end;
  std::uint64_t known = 0;
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first) --at;
  while (at != ranges_.end() && at->first <= end) {
    const Sequence overlap_first = std::max(at->first, range.first);
    const Sequence overlap_end = std::min(at->second, range.end);
    if (overlap_first < overlap_end) known += overlap_end - overlap_first;
    first = std::min(first, at->first);
    end = std::max(end, at->second);
    count_above_ -= at->second - at->first;
    at = ranges_.erase(at);
  }
  if (first == below_) {
    below_ = end;
  } else {
    ranges_.emplace(first, end);
    count_above_ += end - first;
  }
  return range.count() - known;
}

void AckState::remove(SequenceRange range) {
  if (range.is_empty()) return;
  Sequence first = range.first;
  Sequence end;  // of the acknowledged range that `range` is part of
  if (range.first < below_) {
    end = std::exchange(below_, range.first);
  } else {
    auto at = ranges_.upper_bound(range.first);
    CHECK(at != ranges_.begin());
    --at;
    first = at->first;
    end = at->second;
    count_above_ -= end - first;
    ranges_.erase(at);
  }
  CHECK(range.end <= end);
  if (first < range.first) ranges_.emplace(first, range.first);
  if (range.end < end) ranges_.emplace(range.end, end);
  count_above_ += (range.first - first) + (end - range.end);
}

std::vector<SequenceRange> AckState::ranges() const {
  std::vector<SequenceRange> all;
  all.reserve(ranges_.size());
  for (const auto& range : ranges_) all.push_back({.first = range.first, .end = range.second});
  return all;
}

AckState AckState::before(Sequence end) const {
  AckState part(std::min(below_, end));
  for (const auto& range : ranges_) {
    part.add({.first = range.first, .end = std::min(range.second, end)});
  }
  return part;
}

SequenceRange AckState::first_pending(SequenceRange range) const {
  Sequence first = std::max(range.first, below_);
  const auto next = ranges_.upper_bound(first);  // ranges never touch: `first` stays below it
  if (next != ranges_.begin()) first = std::max(first, std::prev(next)->second);
  if (first >= range.end) return {.first = range.end, .end = range.end};
  const Sequence end = next == ranges_.end() ? range.end : std::min(range.end, next->first);
  return {.first = first, .end = end};
}

}  // namespace spillway::checkpoint
