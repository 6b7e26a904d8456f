#include "agent/recover/cat_events.h"

#include <algorithm>
#include <optional>

#include "agent/recover/plain_words.h"
#include "wal/block_cache.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/segment_table.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::Finding;
using wal::Sequence;
using wal::SequenceRange;

class Cat {
 public:
  Cat(const OfflineChannel& channel, const CatOptions& options, Output& out, Output& notes)
      : log_(channel.log),
        options_(options),
        out_(out),
        notes_(notes),
        end_{options.to == UINT64_MAX ? UINT64_MAX : options.to + 1},
        reader_(log_.channel_id, channel.options, *channel.slots, table_, cache_) {}

  Result<bool> run() {
    for (const wal::Segment& segment : log_.segments) table_.append(segment);
    const checkpoint::ReadPosition start = start_position();
    report_found_before(start.lsn);
    reader_.seek(start.lsn, start.sequence);
    while (!is_done() && reader_.sequence() < end_) {
      TRY_ASSIGN(const wal::LogReader::Step step, reader_.next(log_.end));
      if (step.block) {
        print_block(*step.block);
      } else if (step.lost) {
        report(*step.lost);
      } else if (step.reclaimed) {
        if (!log_.acks.covers(step.reclaimed->entries)) report(*step.reclaimed);
      } else {
        break;
      }
    }
    return has_damage_;
  }

 private:
  [[nodiscard]] bool is_done() const { return printed_ >= options_.limit || out_.is_broken(); }

  // The last segment that begins at or before what is wanted: the ones before need no reading.
  [[nodiscard]] checkpoint::ReadPosition start_position() const {
    checkpoint::ReadPosition start = log_.first_unread();
    if (options_.is_all && !log_.segments.empty()) {
      const wal::Segment& first = log_.segments.front();
      start = {.lsn = first.first_lsn, .sequence = first.first_sequence};
    }
    for (const wal::Segment& segment : log_.segments) {
      const bool is_before = segment.first_sequence.value < options_.from;
      if (is_before && start.lsn < segment.first_lsn) {
        start = {.lsn = segment.first_lsn, .sequence = segment.first_sequence};
      }
    }
    return start;
  }

  // What was lost right before the first event that is left is never met on the way.
  void report_found_before(wal::Lsn start) {
    for (const Finding& finding : log_.findings) {
      if (finding.kind == Finding::Kind::kLost && finding.lost.end_lsn <= start) {
        report(finding.lost);
      }
    }
  }

  void report(const wal::LostRange& lost) {
    const SequenceRange& entries = lost.entries;
    const bool is_in_range = entries.first < end_ && entries.end.value > options_.from;
    if (entries.is_empty() || !is_in_range || !is_wanted(lost)) return;
    has_damage_ = true;
    out_.flush();
    notes_.print("damaged: {} cannot be read (LSN {} to {})\n", range_in_words(entries),
                 lost.first_lsn.value, lost.end_lsn.value);
    notes_.flush();
  }

  // Recovery counts as acknowledged what it has reported as lost.
  [[nodiscard]] bool is_wanted(const wal::LostRange& lost) const {
    if (options_.is_all || !log_.acks.first_pending(lost.entries).is_empty()) return true;
    return std::any_of(log_.findings.begin(), log_.findings.end(), [&](const Finding& finding) {
      return finding.kind == Finding::Kind::kLost && finding.wanted > 0 &&
             finding.lost.entries.first < lost.entries.end &&
             lost.entries.first < finding.lost.entries.end;
    });
  }

  void print_block(const wal::Block& block) {
    Sequence sequence = block.first_sequence();
    wal::PayloadReader records(block.payload);
    while (const auto record = records.next()) {
      if (record->kind != wal::PayloadReader::Record::Kind::kPut) continue;
      wal::EntryReader entries(record->entries);
      while (const auto entry = entries.next()) {
        if (is_done() || sequence >= end_) return;
        if (sequence.value >= options_.from && is_pending(sequence, block.end_sequence())) {
          print_entry(sequence, *entry);
        }
        sequence += 1;
      }
    }
  }

  bool is_pending(Sequence sequence, Sequence block_end) {
    if (options_.is_all) return true;
    if (sequence >= pending_.end) {
      pending_ = log_.acks.first_pending({.first = sequence, .end = block_end});
    }
    return sequence >= pending_.first;
  }

  void print_entry(Sequence sequence, ByteSpan entry) {
    line_.clear();
    const auto event = channel::EventView::parse(entry);
    if (!event.has_value()) {
      has_damage_ = true;
      if (options_.format == EventFormat::kJson) append_undecodable(sequence, entry, line_);
      out_.write(line_);
      out_.flush();
      notes_.print("damaged: sequence {} is stored whole, but is no event\n", sequence.value);
      return;
    }
    if (!matches(event.value())) return;
    append_event(options_.format, sequence, event.value(), options_.separator, line_);
    out_.write(line_);
    ++printed_;
  }

  [[nodiscard]] bool matches(const channel::EventView& event) const {
    return std::all_of(options_.headers.begin(), options_.headers.end(), [&](const auto& wanted) {
      return event.header(wanted.first) == std::optional<std::string_view>(wanted.second);
    });
  }

  const checkpoint::RecoveredLog& log_;
  const CatOptions& options_;
  Output& out_;
  Output& notes_;
  const Sequence end_;
  wal::SegmentTable table_;
  wal::BlockCache cache_{0};
  wal::LogReader reader_;
  SequenceRange
      pending_{};  // the run of unacknowledged entries at or behind the last one asked for
  std::string line_;
  std::uint64_t printed_ = 0;
  bool has_damage_ = false;
};

}  // namespace

std::vector<std::string> missing_for_cat(const OfflineChannel& channel, const CatOptions& options) {
  const checkpoint::RecoveredLog& log = channel.log;
  std::vector<std::string> reasons;
  for (checkpoint::SegmentKey key : channel.segment_keys) {
    std::erase_if(key.segments, [&](const wal::Segment& segment) {
      const SequenceRange entries{.first = segment.first_sequence, .end = segment.end_sequence};
      const bool is_in_range =
          entries.first.value <= options.to && entries.end.value > options.from;
      const bool is_wanted = options.is_all || !log.acks.first_pending(entries).is_empty();
      return channel.can_read(segment) || entries.is_empty() || !is_in_range || !is_wanted;
    });
    if (key.segments.empty()) continue;
    reasons.push_back(checkpoint::missing_in_words(key, channel.options.keys.get()));
  }
  return reasons;
}

Result<bool> cat_events(const OfflineChannel& channel, const CatOptions& options, Output& out,
                        Output& notes) {
  return Cat(channel, options, out, notes).run();
}

}  // namespace spillway::agent::recover
