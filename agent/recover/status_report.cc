#include "agent/recover/status_report.h"

#include <algorithm>

#include "agent/recover/key_report.h"
#include "agent/recover/plain_words.h"
#include "agent/recover/put_times.h"
#include "checkpoint/segment_survey.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::Finding;
using State = StatusReport::State;

State state_of(const OfflineChannel& channel) {
  if (channel.log.was_clean) return State::kClean;
  if (!channel.log.is_new) return State::kCrashed;
  const auto& states = channel.manifests.states;
  const bool is_damaged = !channel.log.untouchable_slots.empty() ||
                          std::find(states.begin(), states.end(),
                                    checkpoint::ManifestStore::SlotState::kDamaged) != states.end();
  return is_damaged ? State::kUnidentified : State::kNew;
}

// Marked before the first cut, and shorter than the mark after the last.
Result<bool> is_being_deleted(const OfflineChannel& channel, wal::SlotId slot,
                              std::uint64_t bytes) {
  if (bytes < wal::kSegmentDataOffset) return true;
  TRY_ASSIGN(const auto survey,
             checkpoint::survey_segments(*channel.slots, {slot}, channel.log.channel_id));
  return !survey.discarded.empty();
}

Result<void> count_slots(const OfflineChannel& channel, StatusReport& report) {
  const checkpoint::RecoveredLog& log = channel.log;
  for (const wal::SlotId slot : channel.slots->found()) {
    TRY_ASSIGN(const auto file, channel.slots->file(slot));
    TRY_ASSIGN(const std::uint64_t bytes, file->size_bytes());
    ++report.slot_files;
    report.slot_bytes += bytes;
    const bool is_used = std::any_of(log.segments.begin(), log.segments.end(),
                                     [slot](const auto& segment) { return segment.slot == slot; });
    const bool is_left_alone = std::find(log.untouchable_slots.begin(), log.untouchable_slots.end(),
                                         slot) != log.untouchable_slots.end();
    if (is_used || is_left_alone) continue;
    TRY_ASSIGN(const bool is_deleted, is_being_deleted(channel, slot, bytes));
    ++(is_deleted ? report.discarded_slots : report.spare_slots);
  }
  return {};
}

Result<void> find_oldest(const OfflineChannel& channel, const Clock& clock, StatusReport& report) {
  const auto& segments = channel.log.segments;
  const auto waiting = std::find_if(
      segments.begin(), segments.end(),
      [&](const wal::Segment& segment) { return segment.end_sequence > channel.log.acks.below(); });
  if (waiting == segments.end()) return {};
  TRY_ASSIGN(report.oldest_waiting_ms, created_ms(channel, *waiting));
  const auto now_ms = static_cast<std::uint64_t>(clock.wall_ms());
  // A clock that has been set back says nothing.
  if (report.oldest_waiting_ms && *report.oldest_waiting_ms <= now_ms) {
    report.oldest_age_ms_max = now_ms - *report.oldest_waiting_ms;
  }
  return {};
}

void print_state(const StatusReport& report, Output& out) {
  switch (report.state) {
    case State::kNew:
      out.write("State     NEW: nothing has ever been stored here\n");
      return;
    case State::kClean:
      out.write("State     CLEAN: the agent stopped in order\n");
      return;
    case State::kCrashed:
      out.print(
          "State     CRASHED: the agent did not stop in order; {} of log were read to find "
          "its end\n",
          size_in_words(report.channel->log.scanned_bytes));
      return;
    case State::kUnidentified:
      out.write("State     UNIDENTIFIED: neither the manifest nor any segment header is intact\n");
      return;
  }
}

void print_waiting(const StatusReport& report, Output& out) {
  const checkpoint::RecoveredLog& log = report.channel->log;
  const std::uint64_t waiting = log.pending_entries();
  if (waiting == 0) {
    out.print("Waiting   no events; the next one gets sequence {}\n", log.end.next_sequence.value);
    return;
  }
  out.print("Waiting   {}, {}", count_in_words(waiting, "event"), range_in_words(report.waiting()));
  if (report.done_between() > 0) out.print("; {} in between done with", report.done_between());
  if (report.lost_between() > 0) out.print("; {} in between lost", report.lost_between());
  out.write("\n");
  if (report.oldest_waiting_ms) {
    out.print("          the oldest was put at {} or later{}\n",
              time_in_words(*report.oldest_waiting_ms),
              report.oldest_age_ms_max
                  ? ", at most " + duration_in_words(*report.oldest_age_ms_max) + " ago"
                  : "");
  }
  if (report.state == State::kCrashed) {
    out.write("          some may have been delivered before the crash and are delivered again\n");
  }
}

void print_damage(const StatusReport& report, Output& out) {
  const checkpoint::RecoveredLog& log = report.channel->log;
  out.print("Damage    {}\n", report.has_damage ? "found:" : "none found");
  for (const Finding& finding : log.findings) {
    out.print("        {} {}\n", is_damage(finding.kind) ? '!' : '-', finding_in_words(finding));
    if (!finding.row.empty()) {
      out.print("          row {} of the recovery table: {}\n", finding.row,
                row_in_words(finding.row));
    }
  }
  if (log.lost_entries > 0) {
    out.print("          {} lost to damage since the channel was created\n",
              count_in_words(log.lost_entries, "event"));
  }
  for (const channel::QuarantinedCopy& copy : report.copies) {
    out.print("          kept of earlier damage: {}, {} of segment {} from LSN {} on\n", copy.name,
              size_in_words(copy.bytes), copy.segment.value, copy.first_lsn.value);
  }
}

void print_storage(const StatusReport& report, Output& out) {
  const checkpoint::RecoveredLog& log = report.channel->log;
  out.print(
      "Storage   {} with {} of log, {} of it waiting; {} ({}), {} spare, {} left alone{}\n",
      count_in_words(log.segments.size(), "segment"), size_in_words(report.segment_bytes),
      size_in_words(report.waiting_bytes), count_in_words(report.slot_files, "slot file"),
      size_in_words(report.slot_bytes), report.spare_slots, log.untouchable_slots.size(),
      report.discarded_slots == 0 ? "" : fmt::format(", {} being deleted", report.discarded_slots));
  if (report.oldest_created_ms && report.newest_created_ms) {
    out.print("          oldest segment begun {}, newest {}\n",
              time_in_words(*report.oldest_created_ms), time_in_words(*report.newest_created_ms));
  }
  out.write(
      "Promise   durability commit: what a source was told is stored is waiting, delivered, or "
      "named above as lost\n");
}

void print_next(const StatusReport& report, Output& out) {
  if (report.state == State::kUnidentified) {
    out.write("Next      keep a copy of the directory; are these the right directories?\n");
    return;
  }
  if (lacks_files(report.channel->log)) {
    out.write(
        "Next      find the missing slot files before the agent starts (is a data disk not "
        "mounted?): it goes on without them\n");
  }
  if (report.lost_events > 0) {
    out.write(
        "Next      keep a copy of the directory if you want to examine it. The agent starts by "
        "itself, skips exactly what is\n          named as lost and keeps the damaged bytes in "
        "the checkpoint directory\n");
  } else if (report.channel->log.pending_entries() > 0) {
    out.print(
        "Next      start the agent; it delivers from sequence {} on. Nothing is to be done by "
        "hand\n",
        report.waiting().first.value);
  } else {
    out.write("Next      start the agent; nothing is to be done by hand\n");
  }
  out.write(
      "          only the manifest and the end of the log were read: `recover verify` reads "
      "everything, `recover cat` shows the events\n");
}

void print_bookmarks(const OfflineChannel& channel, Output& out) {
  std::vector<std::string> sources;
  for (const wal::Bookmark& bookmark : channel.log.bookmarks.all()) sources.push_back(bookmark.key);
  if (sources.empty()) return;
  out.print("Sources   {} kept in it how far they have read\n", fmt::join(sources, ", "));
}

}  // namespace

wal::SequenceRange StatusReport::waiting() const {
  const checkpoint::RecoveredLog& log = channel->log;
  return {.first = log.acks.below(), .end = std::max(log.acks.below(), log.end.next_sequence)};
}

std::uint64_t StatusReport::lost_between() const {
  const checkpoint::RecoveredLog& log = channel->log;
  std::uint64_t lost = 0;
  for (const Finding& finding : log.findings) {
    if (finding.lost.entries.first > log.acks.below()) lost += finding.wanted;
  }
  return std::min(lost, log.acks.count_above());
}

// Recovery counts what it has reported as lost among the acknowledged.
std::uint64_t StatusReport::done_between() const {
  return channel->log.acks.count_above() - lost_between();
}

std::string_view state_name(State state) {
  switch (state) {
    case State::kNew:
      return "new";
    case State::kClean:
      return "clean";
    case State::kCrashed:
      return "crashed";
    case State::kUnidentified:
      return "unidentified";
  }
  return "unknown";
}

Result<StatusReport> make_status(const OfflineChannel& channel, const Clock& clock) {
  const checkpoint::RecoveredLog& log = channel.log;
  StatusReport report;
  report.channel = &channel;
  report.state = state_of(channel);
  report.has_damage = report.state == State::kUnidentified;
  for (const Finding& finding : log.findings) {
    report.has_damage = report.has_damage || is_damage(finding.kind);
    report.lost_events += finding.wanted;
  }
  TRY(count_slots(channel, report));
  for (const wal::Segment& segment : log.segments) {
    report.segment_bytes += segment.end_lsn - segment.first_lsn;
  }
  if (log.pending_entries() > 0) {
    report.waiting_bytes = log.end.lsn - log.first_unread().lsn;
    TRY(find_oldest(channel, clock, report));
  }
  if (!log.segments.empty()) {
    TRY_ASSIGN(report.oldest_created_ms, created_ms(channel, log.segments.front()));
    TRY_ASSIGN(report.newest_created_ms, created_ms(channel, log.segments.back()));
  }
  TRY_ASSIGN(report.copies, channel::list_quarantine(*channel.checkpoint_directory));
  return report;
}

void print_status(const StatusReport& report, Output& out) {
  const OfflineChannel& channel = *report.channel;
  out.print("Channel   {}\n", hex(channel.log.channel_id));
  out.print("          checkpoint in {}, data in {}\n", channel.dirs.checkpoint_dir,
            fmt::join(channel.dirs.data_dirs, ", "));
  print_state(report, out);
  print_waiting(report, out);
  print_damage(report, out);
  print_storage(report, out);
  print_keys(channel, out);
  print_bookmarks(channel, out);
  print_next(report, out);
}

}  // namespace spillway::agent::recover
