#include "agent/recover/repair_channel.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/recover/channel_copy.h"
#include "agent/recover/directory_swap.h"
#include "agent/recover/event_reader.h"
#include "agent/recover/plain_words.h"
#include "agent/recover/verify_report.h"
#include "wal/base/clock.h"
#include "wal/io/os_error.h"
#include "wal/io/posix_file_system.h"
#include "wal/io/sync_directory.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

std::string new_in(const std::string& directory) {
  return directory + "/" + std::string(kRepairNewName);
}

ChannelDirs new_dirs(const OfflineChannel& channel) {
  ChannelDirs dirs;
  dirs.checkpoint_dir = new_in(repair_directories(channel.dirs).front());
  for (const std::string& path : channel.dirs.data_dirs) {
    std::error_code ignored;
    dirs.data_dirs.push_back(new_in(fs::weakly_canonical(path, ignored).string()));
  }
  return dirs;
}

// Of this attempt, or of one that was cut off before it exchanged anything.
Result<void> remove_new(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    std::error_code error;
    fs::remove_all(new_in(directory), error);
    if (error) return io::os_error(error.value(), "cannot remove repair-new");
  }
  return {};
}

// A name that is free in all of them.
std::string free_aside_name(const std::vector<std::string>& directories) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  static_cast<void>(gmtime_r(&now, &parts));
  const std::string base = fmt::format("{}{:%Y%m%dT%H%M%SZ}", kAsidePrefix, parts);
  std::string name = base;
  const auto is_taken = [&name](const std::string& directory) {
    std::error_code ignored;
    return fs::exists(fs::symlink_status(directory + "/" + name, ignored));
  };
  for (int i = 2; std::any_of(directories.begin(), directories.end(), is_taken); ++i) {
    name = fmt::format("{}-{}", base, i);
  }
  return name;
}

Result<void> copy_events(const OfflineChannel& channel, Progress& progress, const StopSignal& stop,
                         ChannelCopy& copy) {
  const EventFilter all_that_waits;
  TRY_ASSIGN(const auto reader, EventReader::open(channel, all_that_waits));
  TRY(copy.create());
  while (true) {
    TRY_ASSIGN(const auto step, reader->next());
    progress.advance_to(reader->bytes_read());
    if (!step) break;
    if (stop.is_requested()) return Error{.code = Errc::kClosed, .what = "stopped by a signal"};
    if (step->event) TRY(copy.add(*step->event));
  }
  return copy.finish();
}

Result<void> check_copy(const ChannelDirs& dirs, std::shared_ptr<const wal::KeyRing> keys,
                        const Clock& clock) {
  constexpr Error kBadCopy{.code = Errc::kCorrupt, .what = "the copy is not what was written"};
  OfflineChannel copy;
  if (open_channel(dirs, std::move(keys), copy)) return kBadCopy;
  TRY_ASSIGN(const VerifyReport report, verify_channel(copy, {}, clock));
  if (!report.is_clean()) return kBadCopy;
  TRY(io::sync_directory(dirs.checkpoint_dir));
  for (const std::string& path : dirs.data_dirs) TRY(io::sync_directory(path));
  return {};
}

Result<void> make_copy(const OfflineChannel& channel, const RepairPlan& plan, Progress::Style style,
                       const StopSignal& stop) {
  TRY(remove_new(plan.directories));
  const SystemClock clock;
  const ChannelDirs dirs = new_dirs(channel);
  TRY_ASSIGN(const auto keys, keys_for_copy(channel));
  ChannelCopy copy({.checkpoint_dir = dirs.checkpoint_dir, .data_dirs = dirs.data_dirs},
                   slot_bytes_for_copy(channel), keys, channel.log.bookmarks);
  Progress progress(
      {.style = style, .command = "repair"},
      channel.log.end.lsn - std::min(channel.log.first_unread().lsn, channel.log.end.lsn), clock);
  const auto copied = copy_events(channel, progress, stop, copy);
  progress.finish();
  TRY(copied);
  if (copy.events() != plan.kept.events) {
    return Error{.code = Errc::kCorrupt, .what = "the files have changed since the plan was made"};
  }
  return check_copy(dirs, keys, clock);
}

}  // namespace

std::optional<Refusal> ChannelLocks::lock(const std::vector<std::string>& directories) {
  io::PosixFileSystem file_system;
  for (const std::string& path : directories) {
    auto directory = file_system.open_directory(path, io::FileSystem::Missing::kFail);
    if (!directory.has_value()) {
      return Refusal{.reason = fmt::format("{}: {}", path, to_string(directory.error()))};
    }
    auto locked = directory.value()->lock();
    if (!locked.has_value()) {
      return Refusal{.reason = fmt::format("{}: {}; stop the agent that uses it", path,
                                           to_string(locked.error()))};
    }
    directories_.push_back(std::move(directory.value()));
    locks_.push_back(std::move(locked.value()));
  }
  return std::nullopt;
}

std::optional<Refusal> prepare_repair(const OfflineChannel& channel, const RepairPlan& plan,
                                      Progress::Style progress, const StopSignal& stop,
                                      RepairJournal& journal) {
  Result<void> done = make_copy(channel, plan, progress, stop);
  if (done.has_value()) {
    journal = {.aside_name = free_aside_name(plan.directories), .directories = plan.directories};
    done = write_repair_journal(journal);
  }
  if (done.has_value()) return std::nullopt;
  static_cast<void>(remove_new(plan.directories));  // the next attempt does it again
  return Refusal{.reason = fmt::format("cannot make the new channel: {}; the directories are as "
                                       "they were",
                                       to_string(done.error()))};
}

std::optional<Refusal> finish_repair(const RepairJournal& journal) {
  const auto done = DirectorySwap(journal).run();
  if (done.has_value()) return std::nullopt;
  return Refusal{.reason = fmt::format("cannot exchange the files: {}. Nothing is lost, but the "
                                       "agent does not start until the same command has finished "
                                       "what it began",
                                       to_string(done.error()))};
}

void print_repaired(const RepairJournal& journal, Output& out) {
  out.write("Repaired  the originals are in\n");
  for (const std::string& directory : journal.directories) {
    out.print("          {}/{}\n", directory, journal.aside_name);
  }
  out.write(
      "Next      start the agent. Delete these directories when nobody wants to look into "
      "them any more\n");
}

}  // namespace spillway::agent::recover
