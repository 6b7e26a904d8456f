#include "agent/recover/put_times.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "checkpoint/segment_survey.h"

namespace spillway::agent::recover {
namespace {

constexpr std::string_view kTimestampHeader = "timestamp";

std::optional<std::uint64_t> timestamp_of(const channel::EventView& event) {
  const auto text = event.header(kTimestampHeader);
  if (!text || text->empty()) return std::nullopt;
  std::uint64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

Result<std::optional<std::uint64_t>> created_ms(const OfflineChannel& channel,
                                                const wal::Segment& segment) {
  if (channel.slots->directories(segment.slot).empty()) return std::optional<std::uint64_t>();
  TRY_ASSIGN(const auto survey,
             checkpoint::survey_segments(*channel.slots, {segment.slot}, channel.log.channel_id));
  const auto found = survey.segments.find(segment.number);
  if (found == survey.segments.end()) return std::optional<std::uint64_t>();
  return std::optional(found->second.header.created_wall_ms);
}

Result<PutTimes> PutTimes::read(const OfflineChannel& channel, const EventFilter& filter) {
  PutTimes times;
  times.after_ms_ = filter.after_ms;
  times.before_ms_ = filter.before_ms;
  if (!filter.has_times()) return times;
  for (const wal::Segment& segment : channel.log.segments) {
    TRY_ASSIGN(const std::optional<std::uint64_t> begun_ms, created_ms(channel, segment));
    // A clock that was set back says nothing about the end of the segment before.
    const bool ends_one =
        begun_ms && !times.spans_.empty() && times.spans_.back().begun_ms <= *begun_ms;
    if (ends_one) times.spans_.back().ended_ms = *begun_ms;
    times.spans_.push_back({.first = segment.first_sequence, .begun_ms = begun_ms.value_or(0)});
  }
  return times;
}

bool PutTimes::may_match(wal::Sequence sequence, const channel::EventView& event) const {
  if (!after_ms_ && !before_ms_) return true;
  const std::optional<std::uint64_t> at_ms = timestamp_of(event);
  if (!at_ms) return may_match(sequence);
  return (!after_ms_ || *at_ms >= *after_ms_) && (!before_ms_ || *at_ms < *before_ms_);
}

bool PutTimes::may_match(wal::Sequence sequence) const {
  const auto behind =
      std::upper_bound(spans_.begin(), spans_.end(), sequence,
                       [](wal::Sequence wanted, const Span& span) { return wanted < span.first; });
  if (behind == spans_.begin()) return true;
  const Span& span = *std::prev(behind);
  return (!after_ms_ || span.ended_ms >= *after_ms_) &&
         (!before_ms_ || span.begun_ms < *before_ms_);
}

}  // namespace spillway::agent::recover
