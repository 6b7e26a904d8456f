#include "agent/recover/report_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/recover/plain_words.h"

namespace spillway::agent::recover {
namespace {

using Json = nlohmann::ordered_json;
using checkpoint::Finding;

// first and end are half-open; absent when the range holds no events.
void add_range(const wal::LostRange& range, Json& to) {
  to["first_lsn"] = range.first_lsn.value;
  to["end_lsn"] = range.end_lsn.value;
  if (range.entries.is_empty()) return;
  to["first_sequence"] = range.entries.first.value;
  to["end_sequence"] = range.entries.end.value;
}

Json to_json(const Finding& finding) {
  Json json{{"kind", checkpoint::finding_name(finding.kind)},
            {"is_damage", is_damage(finding.kind)}};
  if (!finding.row.empty()) json["row"] = finding.row;
  if (finding.slot != 0) json["slot"] = wal::slot_name(finding.slot);
  if (finding.segment.value != 0) json["segment"] = finding.segment.value;
  if (finding.lost.end_lsn.value != 0) add_range(finding.lost, json);
  if (finding.kind == Finding::Kind::kLost) json["lost_events"] = finding.wanted;
  json["words"] = finding_in_words(finding);
  return json;
}

Json to_json(const Problem& problem) {
  Json json{{"kind", problem.kind}};
  if (problem.slot != 0) json["slot"] = wal::slot_name(problem.slot);
  if (problem.segment.value != 0) json["segment"] = problem.segment.value;
  if (problem.range.end_lsn.value != 0) add_range(problem.range, json);
  json["lost_events"] = problem.lost_events;
  json["words"] = problem.words;
  return json;
}

Json findings_of(const checkpoint::RecoveredLog& log) {
  Json findings = Json::array();
  for (const Finding& finding : log.findings) findings.push_back(to_json(finding));
  return findings;
}

Json copies_of(const StatusReport& report) {
  Json copies = Json::array();
  for (const channel::QuarantinedCopy& copy : report.copies) {
    copies.push_back({{"file", copy.name},
                      {"segment", copy.segment.value},
                      {"first_lsn", copy.first_lsn.value},
                      {"end_lsn", copy.first_lsn.value + copy.bytes}});
  }
  return copies;
}

Json place_of(const OfflineChannel& channel) {
  return {{"channel_id", hex(channel.log.channel_id)},
          {"checkpoint_dir", channel.dirs.checkpoint_dir},
          {"data_dirs", channel.dirs.data_dirs}};
}

Json keys_of(const OfflineChannel& channel) {
  Json keys = Json::array();
  for (const checkpoint::SegmentKey& key : channel.segment_keys) {
    keys.push_back({{"name", key.alias},
                    {"id", fmt::format("{:016x}", key.id)},
                    {"segments", key.segments.size()},
                    {"first_segment", key.segments.front().number.value},
                    {"last_segment", key.segments.back().number.value},
                    {"is_given", channel.can_read(key.segments.front())}});
  }
  return keys;
}

Json bookmarks_of(const checkpoint::RecoveredLog& log) {
  Json bookmarks = Json::array();
  for (const wal::Bookmark& bookmark : log.bookmarks.all()) {
    bookmarks.push_back({{"source", bookmark.key}, {"value", bookmark.value}});
  }
  return bookmarks;
}

// Paths may hold anything: bytes that are no UTF-8 must not throw.
std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json or_null(const std::optional<std::uint64_t>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string status_json(const StatusReport& report) {
  const checkpoint::RecoveredLog& log = report.channel->log;
  const wal::SequenceRange waiting = report.waiting();
  Json json = place_of(*report.channel);
  json["state"] = state_name(report.state);
  json["has_damage"] = report.has_damage;
  json["manifest_generation"] = log.generation;
  json["events"] = {{"waiting", log.pending_entries()},
                    {"first_sequence", waiting.first.value},
                    {"end_sequence", waiting.end.value},
                    {"done_between", report.done_between()},
                    {"lost_between", report.lost_between()},
                    {"lost_now", report.lost_events},
                    {"lost_since_creation", log.lost_entries},
                    {"oldest_put_after_ms", or_null(report.oldest_waiting_ms)},
                    {"oldest_age_ms_max", or_null(report.oldest_age_ms_max)}};
  json["log"] = {{"end_lsn", log.end.lsn.value},
                 {"segments", log.segments.size()},
                 {"segment_bytes", report.segment_bytes},
                 {"waiting_bytes", report.waiting_bytes},
                 {"scanned_bytes", log.scanned_bytes},
                 {"oldest_created_ms", or_null(report.oldest_created_ms)},
                 {"newest_created_ms", or_null(report.newest_created_ms)}};
  json["slots"] = {{"files", report.slot_files},
                   {"bytes", report.slot_bytes},
                   {"spare", report.spare_slots},
                   {"discarded", report.discarded_slots},
                   {"left_alone", log.untouchable_slots.size()}};
  json["durability"] = "commit";
  json["keys"] = keys_of(*report.channel);
  json["has_unread_acknowledgements"] = !log.locked_segments.empty();
  json["bookmarks"] = bookmarks_of(log);
  json["findings"] = findings_of(log);
  json["damage_copies"] = copies_of(report);
  json["notes"] = report.channel->dirs.notes;
  return text_of(json);
}

std::string verify_json(const VerifyReport& report) {
  Json json = place_of(*report.channel);
  json["is_clean"] = report.is_clean();
  json["segments"] = report.segments;
  json["blocks"] = report.blocks;
  json["events"] = report.events;
  json["bytes"] = report.bytes;
  json["seconds"] = report.seconds;
  json["locked_blocks"] = report.locked_blocks;
  json["keys"] = keys_of(*report.channel);
  json["lost_events"] = report.lost_events;
  json["problems"] = Json::array();
  for (const Problem& problem : report.problems) json["problems"].push_back(to_json(problem));
  json["findings"] = findings_of(report.channel->log);
  json["notes"] = report.channel->dirs.notes;
  return text_of(json);
}

}  // namespace spillway::agent::recover
