#include "channel/put_times.h"

#include <algorithm>

namespace spillway::channel {

using wal::Sequence;

void PutTimes::open(Sequence first) {
  const MutexLock lock(mutex_);
  first_ = first;
  marks_.clear();
  resolution_ns_ = kResolutionNs;
}

void PutTimes::note(Sequence end, std::uint64_t now_ns) {
  const MutexLock lock(mutex_);
  if (!marks_.empty() && now_ns < marks_.back().time_ns + resolution_ns_) {
    marks_.back().end = end;
    return;
  }
  if (marks_.size() == kMarksMax) {
    // Every second mark takes over what the next one covers: half as fine, and half as many.
    for (std::size_t i = 0; i < kMarksMax / 2; ++i) {
      marks_[i] = {.end = marks_[2 * i + 1].end, .time_ns = marks_[2 * i].time_ns};
    }
    marks_.resize(kMarksMax / 2);
    resolution_ns_ *= 2;  // or the oldest would become coarser each time
  }
  marks_.push_back({.end = end, .time_ns = now_ns});
}

std::optional<std::uint64_t> PutTimes::time_of(Sequence sequence) const {
  const MutexLock lock(mutex_);
  if (sequence < first_) return std::nullopt;
  const auto mark = std::upper_bound(marks_.begin(), marks_.end(), sequence,
                                     [](Sequence s, const Mark& m) { return s < m.end; });
  if (mark == marks_.end()) return std::nullopt;
  return mark->time_ns;
}

void PutTimes::forget_below(Sequence sequence) {
  const MutexLock lock(mutex_);
  while (!marks_.empty() && marks_.front().end <= sequence) {
    first_ = std::max(first_, marks_.front().end);
    marks_.pop_front();
  }
  if (marks_.empty()) resolution_ns_ = kResolutionNs;
}

}  // namespace spillway::channel
