#include "agent/recover/list_segments.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "agent/recover/plain_words.h"
#include "checkpoint/segment_survey.h"
#include "wal/block_payload.h"
#include "wal/segment_scan.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::SegmentSurvey;
using checkpoint::SurveyedSlot;
using wal::Segment;
using wal::SequenceRange;

const SurveyedSlot* header_of(const SegmentSurvey& survey, const Segment& segment) {
  const auto found = survey.segments.find(segment.number);
  const bool is_here = found != survey.segments.end() && found->second.slot == segment.slot;
  return is_here ? &found->second : nullptr;
}

std::string_view state_of(const OfflineChannel& channel, const Segment& segment,
                          const SurveyedSlot* header) {
  if (channel.slots->directories(segment.slot).empty()) return "missing";
  if (header == nullptr) return "no-header";
  if (header->file_bytes < segment.slot_bytes) return "cut";
  return segment.is_sealed ? "sealed" : "last";
}

std::uint64_t acked_count(const checkpoint::AckState& acks, SequenceRange range) {
  std::uint64_t pending = 0;
  const std::uint64_t all = range.count();
  while (!range.is_empty()) {
    const SequenceRange next = acks.first_pending(range);
    pending += next.count();
    range.first = next.end;
  }
  return all - pending;
}

std::string share_in_words(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-" : fmt::format("{}%", part * 100 / whole);
}

// Half-open, as an LSN range is, would mislead: both ends are events that exist.
std::string sequences_of(const SequenceRange& range) {
  if (range.is_empty()) return "-";
  return fmt::format("{}-{}", range.first.value, range.end.value - 1);
}

// Of each part, in order.
std::string directories_of(const OfflineChannel& channel, wal::SlotId slot) {
  std::vector<std::string> paths;
  for (const io::Directory* directory : channel.slots->directories(slot)) {
    paths.push_back(directory == nullptr ? "missing" : directory->path());
  }
  return paths.empty() ? "-" : fmt::format("{}", fmt::join(paths, ", "));
}

std::string key_of(const OfflineChannel& channel, const Segment& segment) {
  for (const checkpoint::SegmentKey& key : channel.segment_keys) {
    if (key.id == segment.key_id) return "  encrypted with " + checkpoint::key_in_words(key);
  }
  return {};
}

void print_segment(const OfflineChannel& channel, const SegmentSurvey& survey,
                   const Segment& segment, Output& out) {
  const SurveyedSlot* header = header_of(survey, segment);
  const SequenceRange entries{.first = segment.first_sequence, .end = segment.end_sequence};
  const std::string created =
      header == nullptr ? "-" : time_in_words(header->header.created_wall_ms);
  out.print("{:>9} {:<15} {:<10} {:>23} {:>15} {:>15} {:>11} {:>5}  {:<23}  {}{}\n",
            segment.number.value, wal::slot_name(segment.slot), state_of(channel, segment, header),
            sequences_of(entries), segment.first_lsn.value, segment.end_lsn.value,
            segment.end_lsn - segment.first_lsn,
            share_in_words(acked_count(channel.log.acks, entries), entries.count()), created,
            directories_of(channel, segment.slot), key_of(channel, segment));
}

// What a slot file that is in no segment's use holds.
std::string contents_of(const SegmentSurvey& survey, wal::SlotId slot) {
  for (const checkpoint::Finding& finding : survey.findings) {
    if (finding.slot != slot) continue;
    return finding.kind == checkpoint::Finding::Kind::kForeignSlot
               ? "left alone: belongs to another channel"
               : "left alone: cannot be identified";
  }
  for (const auto& entry : survey.segments) {
    if (entry.second.slot != slot) continue;
    return fmt::format("spare: last held segment {}", entry.first.value);
  }
  return "spare: not used yet";
}

Result<void> print_other_slots(const OfflineChannel& channel, const SegmentSurvey& survey,
                               Output& out) {
  for (const wal::SlotId slot : channel.slots->found()) {
    const auto& segments = channel.log.segments;
    const bool is_used =
        std::any_of(segments.begin(), segments.end(),
                    [slot](const Segment& segment) { return segment.slot == slot; });
    if (is_used) continue;
    TRY_ASSIGN(const auto file, channel.slots->file(slot));
    TRY_ASSIGN(const std::uint64_t bytes, file->size_bytes());
    out.print("{:>9} {:<15} {}; {}; {}\n", "-", wal::slot_name(slot), contents_of(survey, slot),
              size_in_words(bytes), directories_of(channel, slot));
  }
  return {};
}

void print_block(const wal::Block& block, wal::BlockFault fault, Output& out) {
  std::uint64_t acked = 0;
  wal::PayloadReader records(block.payload);
  while (const auto record = records.next()) {
    if (record->kind == wal::PayloadReader::Record::Kind::kAck) acked += record->ack.count();
  }
  const bool is_unfinished = (block.header.flags & wal::kMorePutFlag) != 0;
  out.print("{:>15} {:>9} {:>8} {:>15} {:>15} {:>8} {:<5} {}\n", block.header.lsn,
            wal::block_bytes(block.header.payload_bytes), block.header.entry_count,
            block.header.first_sequence, block.header.durable_lsn,
            block.is_locked ? "?" : fmt::format("{}", acked), is_unfinished ? "more" : "-",
            fault == wal::BlockFault::kNone ? "ok" : wal::fault_name(fault));
}

void print_lost(const wal::LostRange& lost, wal::BlockFault fault, Output& out) {
  out.print("{:>15} {:>9} {:>8} {:>15} {:>15} {:>8} {:<5} {}\n", lost.first_lsn.value,
            lost.end_lsn - lost.first_lsn, lost.entries.count(), lost.entries.first.value, "-", "-",
            "-", wal::fault_name(fault));
}

}  // namespace

Result<void> list_segments(const OfflineChannel& channel, Output& out) {
  TRY_ASSIGN(
      const SegmentSurvey survey,
      checkpoint::survey_segments(*channel.slots, channel.slots->found(), channel.log.channel_id));
  out.print("{:>9} {:<15} {:<10} {:>23} {:>15} {:>15} {:>11} {:>5}  {:<23}  {}\n", "SEGMENT",
            "SLOT", "STATE", "SEQUENCES", "FIRST LSN", "END LSN", "BYTES", "DONE", "CREATED",
            "DIRECTORY");
  for (const Segment& segment : channel.log.segments) {
    print_segment(channel, survey, segment, out);
  }
  return print_other_slots(channel, survey, out);
}

Result<bool> list_blocks(const OfflineChannel& channel, Output& out) {
  bool has_damage = false;
  for (const Segment& segment : channel.log.segments) {
    out.print("segment {} in {}\n", segment.number.value, wal::slot_name(segment.slot));
    out.print("{:>15} {:>9} {:>8} {:>15} {:>15} {:>8} {:<5} {}\n", "LSN", "BYTES", "EVENTS",
              "FIRST SEQUENCE", "DURABLE LSN", "ACKS", "FLAGS", "STATE");
    wal::SegmentScan scan(channel.log.channel_id, channel.options, *channel.slots, segment,
                          std::nullopt);
    while (!out.is_broken()) {
      TRY_ASSIGN(const wal::SegmentScan::Step step, scan.next());
      if (!step.block && !step.lost) break;
      has_damage = has_damage || step.fault != wal::BlockFault::kNone;
      if (step.block) print_block(*step.block, step.fault, out);
      if (step.lost) print_lost(*step.lost, step.fault, out);
    }
  }
  return has_damage;
}

}  // namespace spillway::agent::recover
