#include "agent/recover/export_events.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/recover/channel_copy.h"
#include "agent/recover/event_reader.h"
#include "agent/recover/export_target.h"
#include "agent/recover/new_file.h"
#include "agent/recover/plain_words.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

Refusal refuse(const std::string& path, const Error& error) {
  return {.reason = fmt::format("{}: {}; nothing was exported", path, to_string(error))};
}

Refusal name_taken(const std::string& path) {
  return {.reason = fmt::format("{} is there already, and is not overwritten", path)};
}

// Whether the name is free, and not among the files that are read.
std::optional<Refusal> check_path(const OfflineChannel& channel, const std::string& path) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path, error))) return name_taken(path);
  if (lies_in(channel.dirs, path)) {
    return Refusal{.exit_code = kExitBadUsage,
                   .reason = fmt::format("{} lies in the channel that is exported, where nothing "
                                         "is written; name another place",
                                         path)};
  }
  return std::nullopt;
}

std::optional<Refusal> make_target(const OfflineChannel& channel, const EventFilter& filter,
                                   const ExportOptions& options,
                                   std::unique_ptr<ExportTarget>& target, ExportReport& report) {
  switch (options.format) {
    case ExportFormat::kJson:
      target = make_json_target(options.path);
      break;
    case ExportFormat::kAvro:
      target = make_avro_target(options.path);
      break;
    case ExportFormat::kChannel: {
      auto keys = keys_for_copy(channel);
      if (!keys.has_value()) return refuse(options.path, keys.error());
      report.is_encrypted = keys.value() != nullptr;
      // They stand for every event before them; a copy of some may have to take the others again.
      const auto bookmarks =
          filter.takes_all_that_waits() ? channel.log.bookmarks : wal::Bookmarks();
      target = make_channel_target(options.path, slot_bytes_for_copy(channel),
                                   std::move(keys.value()), bookmarks);
      break;
    }
  }
  const auto created = target->create();
  if (created.has_value()) return std::nullopt;
  if (created.error().code != Errc::kExists) return refuse(options.path, created.error());
  return Refusal{.reason = fmt::format("{} is there: another export to the same place is running, "
                                       "or was cut off; in that case remove it",
                                       partial_name(options.path))};
}

Result<void> copy_events(EventReader& reader, ExportTarget& target, const StopSignal& stop,
                         Output& notes, Progress& progress, ExportReport& report) {
  while (true) {
    TRY_ASSIGN(const auto step, reader.next());
    progress.advance_to(reader.bytes_read());
    if (!step) return {};
    if (stop.is_requested()) return Error{.code = Errc::kClosed, .what = "stopped by a signal"};
    if (step->event) {
      TRY(target.add(step->sequence, *step->event));
      ++report.events;
      continue;
    }
    if (step->undecodable) TRY(target.add_undecodable(step->sequence, *step->undecodable));
    progress.make_way();
    notes.write(damage_in_words(*step));
    notes.flush();
  }
}

}  // namespace

std::optional<Refusal> export_events(const OfflineChannel& channel, const EventFilter& filter,
                                     const ExportOptions& options, const StopSignal& stop,
                                     Output& notes, ExportReport& report) {
  if (auto refusal = check_path(channel, options.path)) return refusal;
  auto reader = EventReader::open(channel, filter);
  if (!reader.has_value()) return refuse(options.path, reader.error());
  std::unique_ptr<ExportTarget> target;
  if (auto refusal = make_target(channel, filter, options, target, report)) return refusal;

  const SystemClock clock;
  Progress progress({.style = options.progress, .command = "export"},
                    reader.value()->bytes_to_read(), clock);
  auto done = copy_events(*reader.value(), *target, stop, notes, progress, report);
  if (done.has_value()) done = target->finish();
  progress.finish();
  if (!done.has_value()) return refuse(options.path, done.error());
  report.bytes = target->size_bytes();
  report.has_damage = reader.value()->has_damage();
  report.lost_events = reader.value()->lost_events();
  report.inexact_events = target->inexact_events();

  if (auto refusal = check_not_in_use(channel.dirs)) return refusal;
  const auto published = target->publish();
  if (published.has_value()) return std::nullopt;
  if (published.error().code == Errc::kExists) return name_taken(options.path);
  return refuse(options.path, published.error());
}

void print_export(const ExportOptions& options, const ExportReport& report, Output& out) {
  out.print("exported {} to {}{}, {}\n", count_in_words(report.events, "event"), options.path,
            report.is_encrypted ? ", encrypted" : "", size_in_words(report.bytes));
  if (report.has_damage) {
    out.print("LOST {}: damaged, and not in it\n", count_in_words(report.lost_events, "event"));
  }
  if (report.inexact_events > 0) {
    out.print(
        "{} with headers that Avro cannot hold as they are (no UTF-8, or a key twice); json "
        "and channel keep them\n",
        count_in_words(report.inexact_events, "event"));
  }
}

}  // namespace spillway::agent::recover
