// When the events of a channel were put, as far as it is known.
//
// The log notes a time once per segment; Flume's timestamp interceptor notes one in each event.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/recover/event_filter.h"
#include "agent/recover/offline_channel.h"
#include "channel/event.h"
#include "wal/base/result.h"
#include "wal/position.h"
#include "wal/segment.h"

namespace spillway::agent::recover {

/// When `segment` was begun; nullopt when no intact header says so. Reads its slot file.
Result<std::optional<std::uint64_t>> created_ms(const OfflineChannel& channel,
                                                const wal::Segment& segment);

/// Decides for each event whether it may have been put in the time that is asked for.
class PutTimes {
 public:
  /// Reads the header of every segment, if `filter` asks for times at all.
  static Result<PutTimes> read(const OfflineChannel& channel, const EventFilter& filter);

  /// By the event's header `timestamp` (milliseconds since 1970), or else by its segment: between
  /// the beginning of it and of the next one. Where nothing is known, true.
  [[nodiscard]] bool may_match(wal::Sequence sequence, const channel::EventView& event) const;

  /// The same for a segment's events without a time of their own.
  [[nodiscard]] bool may_match(wal::Sequence sequence) const;

 private:
  struct Span {
    wal::Sequence first;
    std::uint64_t begun_ms = 0;
    std::uint64_t ended_ms = UINT64_MAX;
  };

  std::optional<std::uint64_t> after_ms_;
  std::optional<std::uint64_t> before_ms_;
  std::vector<Span> spans_;  // by sequence
};

}  // namespace spillway::agent::recover
