#include "agent/recover/plain_words.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <ctime>

#include "wal/base/bytes.h"
#include "wal/slot_pool.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::Finding;

struct RowWords {
  std::string_view row;
  std::string_view words;
};

constexpr std::array kRowWords{
    RowWords{"torn_tail", "the last write was cut off before it was acknowledged to anybody"},
    RowWords{"blank_before_unacknowledged",
             "a later write reached the disk before an earlier one; neither was acknowledged"},
    RowWords{"torn_before_unacknowledged",
             "a write was cut off and a later one was not; neither was acknowledged"},
    RowWords{"corrupt_block", "a later block proves that these bytes were durable once"},
    RowWords{"corrupt_tail",
             "the manifest or a later segment proves that these bytes were durable once"},
};

std::string place_of(const Finding& finding) {
  return fmt::format("segment {}, {}, LSN {} to {}", finding.segment.value,
                     wal::slot_name(finding.slot), finding.lost.first_lsn.value,
                     finding.lost.end_lsn.value);
}

std::string lost_in_words(const Finding& finding) {
  const wal::SequenceRange& entries = finding.lost.entries;
  if (entries.is_empty()) {
    return fmt::format("damaged bytes held no events ({})", place_of(finding));
  }
  const std::uint64_t delivered = entries.count() - finding.wanted;
  const std::string rest =
      delivered == 0 ? "" : fmt::format("; {} of the range had been delivered before", delivered);
  return fmt::format("LOST {}: {} cannot be read ({}){}", count_in_words(finding.wanted, "event"),
                     range_in_words(entries), place_of(finding), rest);
}

std::string torn_in_words(const Finding& finding) {
  const std::uint64_t bytes = finding.lost.end_lsn - finding.lost.first_lsn;
  const std::string dropped =
      bytes == 0 ? ""
                 : fmt::format("; {} of a transaction that was not finished", size_in_words(bytes));
  return fmt::format(
      "unfinished writes at the end are left out, nothing acknowledged is lost "
      "(segment {}, {}, from LSN {}{})",
      finding.segment.value, wal::slot_name(finding.slot), finding.lost.first_lsn.value, dropped);
}

}  // namespace

std::string count_in_words(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string size_in_words(std::uint64_t bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < kKiB) return count_in_words(bytes, "byte");
  double size = static_cast<double>(bytes) / static_cast<double>(kKiB);
  std::size_t unit = 0;
  while (size >= 1024 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, kUnits.at(unit));
}

std::string time_in_words(std::uint64_t wall_ms) {
  const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return fmt::format("{} ms", wall_ms);
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", parts);
}

std::string duration_in_words(std::uint64_t ms) {
  const std::uint64_t seconds = ms / 1000;
  const std::uint64_t minutes = seconds / 60;
  const std::uint64_t hours = minutes / 60;
  if (seconds == 0) return fmt::format("{} ms", ms);
  if (minutes == 0) return fmt::format("{} s", seconds);
  if (hours == 0) return fmt::format("{} min", minutes);
  if (hours < 24) return fmt::format("{} h {} min", hours, minutes % 60);
  return fmt::format("{} d {} h", hours / 24, hours % 24);
}

std::string range_in_words(const wal::SequenceRange& range) {
  if (range.is_empty()) return "no events";
  if (range.count() == 1) return fmt::format("sequence {}", range.first.value);
  return fmt::format("sequences {} to {}", range.first.value, range.end.value - 1);
}

std::string hex(const wal::ChannelId& id) {
  std::string text;
  for (const std::byte byte : id) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

bool is_damage(Finding::Kind kind) {
  return kind != Finding::Kind::kTornTail && kind != Finding::Kind::kForeignSlot;
}

std::string finding_in_words(const Finding& finding) {
  const std::string slot = wal::slot_name(finding.slot);
  switch (finding.kind) {
    case Finding::Kind::kTornTail:
      return torn_in_words(finding);
    case Finding::Kind::kLost:
      return lost_in_words(finding);
    case Finding::Kind::kManifestDamaged:
      return "one of the two copies of the manifest is damaged; the other one is used and the log "
             "behind it was read, so nothing is lost";
    case Finding::Kind::kManifestLost:
      return "there is no intact manifest; it is rebuilt from the segments, and events that were "
             "delivered already may come again";
    case Finding::Kind::kSlotMissing:
      return fmt::format(
          "{} is missing, or a part of it: events of segment {} in it cannot be read", slot,
          finding.segment.value);
    case Finding::Kind::kSlotShort:
      return fmt::format("{} is shorter than segment {} in it: somebody has cut it", slot,
                         finding.segment.value);
    case Finding::Kind::kForeignSlot:
      return fmt::format("{} belongs to another channel; it is left alone", slot);
    case Finding::Kind::kUnreadableHeader:
      return fmt::format(
          "{} cannot be identified: both copies of its header are damaged; it is "
          "left alone",
          slot);
  }
  return {};
}

std::string_view row_in_words(std::string_view name) {
  for (const RowWords& row : kRowWords) {
    if (row.row == name) return row.words;
  }
  return {};
}

}  // namespace spillway::agent::recover
