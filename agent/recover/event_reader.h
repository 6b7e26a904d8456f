// The events of an offline channel one by one, in the order in which a sink would get them.
//
// Reads through the engine's LogReader: what comes is what an agent would deliver. Memory does not
// grow with the backlog.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/event_filter.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/put_times.h"
#include "channel/event.h"
#include "wal/base/bytes.h"
#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/block_cache.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/segment_table.h"

namespace spillway::agent::recover {

/// One thread.
class EventReader {
 public:
  /// Both outlive the reader. Reads segment headers when `filter` asks for times.
  static Result<std::unique_ptr<EventReader>> open(const OfflineChannel& channel,
                                                   const EventFilter& filter);

  /// Either an event, or damage among the events that are asked for.
  struct Step {
    wal::Sequence sequence{};                   // of `event` or `undecodable`
    std::optional<channel::EventView> event{};  // valid until the next call of next()
    std::optional<ByteSpan> undecodable{};      // stored whole, but no event
    std::optional<wal::LostRange> lost{};       // cannot be read
  };

  /// nullopt at the end.
  Result<std::optional<Step>> next();

  /// Everything before it has been passed.
  [[nodiscard]] wal::Sequence sequence() const { return sequence_; }
  [[nodiscard]] wal::Lsn lsn() const;

  /// Bytes of log from the first one that is read to the last.
  [[nodiscard]] std::uint64_t bytes_to_read() const { return log_.end.lsn - start_lsn_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return lsn() - start_lsn_; }

  /// Of the steps so far.
  [[nodiscard]] bool has_damage() const { return has_damage_; }
  [[nodiscard]] std::uint64_t lost_events() const { return lost_events_; }

 private:
  EventReader(const OfflineChannel& channel, const EventFilter& filter, PutTimes times);

  [[nodiscard]] checkpoint::ReadPosition start_position() const;
  [[nodiscard]] std::optional<Step> next_found_before();
  Result<bool> read_block(std::optional<Step>& damage);
  std::optional<Step> next_entry();
  [[nodiscard]] std::optional<Step> lost_step(const wal::LostRange& lost);
  [[nodiscard]] bool is_wanted(const wal::LostRange& lost) const;
  [[nodiscard]] bool is_pending(wal::Sequence sequence);
  [[nodiscard]] bool matches(wal::Sequence sequence, const channel::EventView& event) const;

  const checkpoint::RecoveredLog& log_;
  const EventFilter& filter_;
  const PutTimes times_;
  const wal::Sequence end_;
  wal::SegmentTable table_;
  wal::BlockCache cache_{0};
  wal::LogReader reader_;
  wal::Lsn start_lsn_;
  std::size_t findings_seen_ = 0;

  std::optional<wal::Block> block_;  // the entries come from it
  std::optional<wal::PayloadReader> records_;
  std::optional<wal::EntryReader> entries_;
  wal::Sequence sequence_{1};
  // The run of unacknowledged entries at or behind the last one asked for.
  wal::SequenceRange pending_{};
  std::uint64_t found_ = 0;
  std::uint64_t lost_events_ = 0;
  bool has_damage_ = false;
};

/// One sentence with an end of line: what cannot be had at this place.
std::string damage_in_words(const EventReader::Step& step);

struct EventCount {
  std::uint64_t events = 0;
  std::uint64_t lost_events = 0;
  std::vector<std::string> losses{};  // damage_in_words(), in the order of the log
};

/// Reads all of them.
Result<EventCount> count_events(const OfflineChannel& channel, const EventFilter& filter);

/// Which keys a reader of these events would miss: one sentence each.
std::vector<std::string> missing_for(const OfflineChannel& channel, const EventFilter& filter);

}  // namespace spillway::agent::recover
