#include "agent/recover/event_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "agent/recover/plain_words.h"
#include "agent/recover/verify_segment.h"

namespace spillway::agent::recover {

using checkpoint::Finding;
using wal::Sequence;
using wal::SequenceRange;

Result<std::unique_ptr<EventReader>> EventReader::open(const OfflineChannel& channel,
                                                       const EventFilter& filter) {
  TRY_ASSIGN(PutTimes times, PutTimes::read(channel, filter));
  return std::unique_ptr<EventReader>(new EventReader(channel, filter, std::move(times)));
}

EventReader::EventReader(const OfflineChannel& channel, const EventFilter& filter, PutTimes times)
    : log_(channel.log),
      filter_(filter),
      times_(std::move(times)),
      end_{filter.to == UINT64_MAX ? UINT64_MAX : filter.to + 1},
      reader_(log_.channel_id, channel.options, *channel.slots, table_, cache_) {
  for (const wal::Segment& segment : log_.segments) table_.append(segment);
  const checkpoint::ReadPosition start = start_position();
  reader_.seek(start.lsn, start.sequence);
  start_lsn_ = start.lsn;
  sequence_ = start.sequence;
}

// The last segment that begins at or before what is wanted: the ones before need no reading.
checkpoint::ReadPosition EventReader::start_position() const {
  checkpoint::ReadPosition start = log_.first_unread();
  if (filter_.is_all && !log_.segments.empty()) {
    const wal::Segment& first = log_.segments.front();
    start = {.lsn = first.first_lsn, .sequence = first.first_sequence};
  }
  for (const wal::Segment& segment : log_.segments) {
    const bool is_before = segment.first_sequence.value < filter_.from;
    if (is_before && start.lsn < segment.first_lsn) {
      start = {.lsn = segment.first_lsn, .sequence = segment.first_sequence};
    }
  }
  return start;
}

wal::Lsn EventReader::lsn() const {
  return block_ ? block_->lsn() : std::min(reader_.lsn(), log_.end.lsn);
}

Result<std::optional<EventReader::Step>> EventReader::next() {
  if (auto found = next_found_before()) return found;
  while (found_ < filter_.limit && sequence_ < end_) {
    if (block_) {
      if (auto step = next_entry()) return step;
      continue;
    }
    std::optional<Step> damage;
    TRY_ASSIGN(const bool goes_on, read_block(damage));
    if (damage) return damage;
    if (!goes_on) break;
  }
  return std::optional<Step>();
}

// What was lost right before the first event that is left is never met on the way.
std::optional<EventReader::Step> EventReader::next_found_before() {
  while (findings_seen_ < log_.findings.size()) {
    const Finding& finding = log_.findings[findings_seen_++];
    if (finding.kind != Finding::Kind::kLost || finding.lost.end_lsn > start_lsn_) continue;
    if (auto step = lost_step(finding.lost)) return step;
  }
  return std::nullopt;
}

// False at the end of the log.
Result<bool> EventReader::read_block(std::optional<Step>& damage) {
  TRY_ASSIGN(wal::LogReader::Step step, reader_.next(log_.end));
  if (step.block) {
    sequence_ = step.block->first_sequence();
    block_ = std::move(step.block);
    records_.emplace(block_->payload);
    entries_.reset();
    return true;
  }
  sequence_ = reader_.sequence();
  if (step.lost) {
    damage = lost_step(*step.lost);
  } else if (step.reclaimed) {
    if (!log_.acks.covers(step.reclaimed->entries)) damage = lost_step(*step.reclaimed);
  } else {
    return false;
  }
  return true;
}

// The next one in the block that is wanted; nullopt when there is none left in it.
std::optional<EventReader::Step> EventReader::next_entry() {
  while (sequence_ < end_) {
    std::optional<ByteSpan> entry;
    if (entries_) entry = entries_->next();
    if (!entry) {
      const auto record = records_->next();
      if (!record) {
        sequence_ = block_->end_sequence();
        break;
      }
      if (record->kind == wal::PayloadReader::Record::Kind::kPut) entries_.emplace(record->entries);
      continue;
    }
    const Sequence sequence = sequence_;
    sequence_ += 1;
    if (sequence.value < filter_.from || !is_pending(sequence)) continue;
    const auto event = channel::EventView::parse(*entry);
    if (!event.has_value()) {
      has_damage_ = true;
      ++lost_events_;
      return Step{.sequence = sequence, .undecodable = *entry};
    }
    if (!matches(sequence, event.value())) continue;
    ++found_;
    return Step{.sequence = sequence, .event = event.value()};
  }
  block_.reset();
  return std::nullopt;
}

std::optional<EventReader::Step> EventReader::lost_step(const wal::LostRange& lost) {
  const SequenceRange& entries = lost.entries;
  const bool is_in_range = entries.first < end_ && entries.end.value > filter_.from;
  if (entries.is_empty() || !is_in_range || !is_wanted(lost)) return std::nullopt;
  has_damage_ = true;
  lost_events_ += filter_.is_all ? entries.count() : count_lost(log_, entries);
  return Step{.lost = lost};
}

// Recovery counts as acknowledged what it has reported as lost.
bool EventReader::is_wanted(const wal::LostRange& lost) const {
  if (!times_.may_match(lost.entries.first)) return false;
  if (filter_.is_all || !log_.acks.first_pending(lost.entries).is_empty()) return true;
  return std::any_of(log_.findings.begin(), log_.findings.end(), [&](const Finding& finding) {
    return finding.kind == Finding::Kind::kLost && finding.wanted > 0 &&
           finding.lost.entries.first < lost.entries.end &&
           lost.entries.first < finding.lost.entries.end;
  });
}

bool EventReader::is_pending(Sequence sequence) {
  if (filter_.is_all) return true;
  if (sequence >= pending_.end) {
    pending_ = log_.acks.first_pending({.first = sequence, .end = block_->end_sequence()});
  }
  return sequence >= pending_.first;
}

bool EventReader::matches(Sequence sequence, const channel::EventView& event) const {
  if (!times_.may_match(sequence, event)) return false;
  return std::all_of(filter_.headers.begin(), filter_.headers.end(), [&](const auto& wanted) {
    return event.header(wanted.first) == std::optional<std::string_view>(wanted.second);
  });
}

std::string damage_in_words(const EventReader::Step& step) {
  if (step.lost) {
    return fmt::format("damaged: {} cannot be read (LSN {} to {})\n",
                       range_in_words(step.lost->entries), step.lost->first_lsn.value,
                       step.lost->end_lsn.value);
  }
  return fmt::format("damaged: sequence {} is stored whole, but is no event\n",
                     step.sequence.value);
}

Result<EventCount> count_events(const OfflineChannel& channel, const EventFilter& filter) {
  TRY_ASSIGN(const auto reader, EventReader::open(channel, filter));
  EventCount count;
  while (true) {
    TRY_ASSIGN(const auto step, reader->next());
    if (!step) break;
    if (step->event) {
      ++count.events;
    } else {
      count.losses.push_back(damage_in_words(*step));
    }
  }
  count.lost_events = reader->lost_events();
  return count;
}

std::vector<std::string> missing_for(const OfflineChannel& channel, const EventFilter& filter) {
  const checkpoint::RecoveredLog& log = channel.log;
  std::vector<std::string> reasons;
  for (checkpoint::SegmentKey key : channel.segment_keys) {
    std::erase_if(key.segments, [&](const wal::Segment& segment) {
      const SequenceRange entries{.first = segment.first_sequence, .end = segment.end_sequence};
      const bool is_in_range = entries.first.value <= filter.to && entries.end.value > filter.from;
      const bool is_wanted = filter.is_all || !log.acks.first_pending(entries).is_empty();
      return channel.can_read(segment) || entries.is_empty() || !is_in_range || !is_wanted;
    });
    if (key.segments.empty()) continue;
    reasons.push_back(checkpoint::missing_in_words(key, channel.options.keys.get()));
  }
  return reasons;
}

}  // namespace spillway::agent::recover
