#include "channel/oldest_age.h"

#include <algorithm>

#include "checkpoint/segment_survey.h"

namespace spillway::channel {

std::uint64_t OldestAge::age_ns() {
  if (const auto put_ns = delivery_.oldest_put_ns()) {
    return clock_.monotonic_ns() - *put_ns;
  }
  const wal::Sequence oldest = delivery_.acked_below();
  for (const wal::Segment& segment : segments_.snapshot()) {
    if (segment.end_sequence > oldest) return segment_age_ns(segment);
  }
  return 0;
}

std::uint64_t OldestAge::segment_age_ns(const wal::Segment& segment) {
  const MutexLock lock(mutex_);
  if (segment_ != segment.number) {
    segment_ = segment.number;
    created_wall_ms_.reset();
    const auto survey = checkpoint::survey_segments(slots_, {segment.slot}, id_);
    if (survey.has_value() && survey.value().segments.contains(segment.number)) {
      created_wall_ms_ = survey.value().segments.at(segment.number).header.created_wall_ms;
    }
  }
  const auto now_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(clock_.wall_ms(), 0));
  if (!created_wall_ms_ || now_ms < *created_wall_ms_) return 0;
  return (now_ms - *created_wall_ms_) * 1'000'000;
}

}  // namespace spillway::channel
