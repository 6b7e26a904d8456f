#include "agent/recover/recover_main.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/cli.h"
#include "agent/recover/arguments.h"
#include "agent/recover/cat_events.h"
#include "agent/recover/event_reader.h"
#include "agent/recover/export_events.h"
#include "agent/recover/find_channel.h"
#include "agent/recover/given_keys.h"
#include "agent/recover/list_segments.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/repair_channel.h"
#include "agent/recover/repair_journal.h"
#include "agent/recover/repair_plan.h"
#include "agent/recover/replay_events.h"
#include "agent/recover/report_json.h"
#include "agent/recover/status_report.h"
#include "agent/recover/verify_report.h"
#include "agent/signal_watcher.h"
#include "agent/stop_signal.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using recover::Arguments;
using recover::ChannelDirs;
using recover::OfflineChannel;
using recover::Output;
using recover::Progress;
using recover::Refusal;

int refuse(const Refusal& refusal) {
  fmt::print(stderr, "{}\n", refusal.reason);
  return refusal.exit_code;
}

Progress::Style progress_style(const Arguments& arguments) {
  return arguments.is_quiet ? Progress::Style::kNone : Progress::style_for_stderr();
}

// False, and says so, when events that are asked for cannot be decrypted.
bool has_keys(const OfflineChannel& channel, const recover::EventFilter& filter) {
  const auto missing = recover::missing_for(channel, filter);
  for (const std::string& reason : missing) fmt::print(stderr, "{}\n", reason);
  if (missing.empty()) return true;
  fmt::print(stderr, "name the keys with --key name=file, --key-store, or -f and -n\n");
  return false;
}

Result<int> run_status(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  TRY_ASSIGN(const recover::StatusReport report, recover::make_status(channel, SystemClock()));
  if (arguments.is_json) {
    out.write(recover::status_json(report));
  } else {
    recover::print_status(report, out);
  }
  return report.has_damage ? kExitFailed : kExitFine;
}

Result<int> run_list(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  if (!arguments.is_blocks) {
    TRY(recover::list_segments(channel, out));
    return kExitFine;
  }
  TRY_ASSIGN(const bool has_damage, recover::list_blocks(channel, out));
  return has_damage ? kExitFailed : kExitFine;
}

Result<int> run_cat(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  if (!has_keys(channel, arguments.filter)) return kExitFailed;
  Output notes(stderr);
  TRY_ASSIGN(const bool has_damage,
             recover::cat_events(channel, arguments.filter, arguments.cat, out, notes));
  return has_damage ? kExitFailed : kExitFine;
}

Result<int> run_verify(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  const SystemClock clock;
  TRY_ASSIGN(
      const recover::VerifyReport report,
      recover::verify_channel(
          channel, {.threads = arguments.threads, .progress = progress_style(arguments)}, clock));
  if (arguments.is_json) {
    out.write(recover::verify_json(report));
  } else {
    recover::print_verify(report, out);
  }
  return report.is_clean() ? kExitFine : kExitFailed;
}

Result<int> run_export(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  if (!has_keys(channel, arguments.filter)) return kExitFailed;
  SignalWatcher signals;
  StopSignal stop;
  TRY(signals.start([&stop](int) { stop.request(); }));
  recover::ExportOptions options = arguments.export_to;
  options.progress = progress_style(arguments);
  recover::ExportReport report;
  Output notes(stderr);
  const auto refusal =
      recover::export_events(channel, arguments.filter, options, stop, notes, report);
  signals.stop();
  if (refusal) return refuse(*refusal);
  recover::print_export(options, report, out);
  return report.is_exact() ? kExitFine : kExitFailed;
}

// A repair that has begun to exchange files has no way back, and needs no plan.
int finish_repair(const ChannelDirs& dirs, const Arguments& arguments) {
  if (arguments.command != "repair" || !arguments.is_applied) {
    fmt::print(stderr,
               "{}: a repair was cut off while it exchanged the files; nothing is lost. "
               "`spillway recover repair --apply` finishes it\n",
               dirs.checkpoint_dir);
    return kExitFailed;
  }
  const auto journal = recover::read_repair_journal(dirs.checkpoint_dir);
  if (!journal.has_value()) {
    return refuse(
        {.reason = fmt::format("{}: {}", dirs.checkpoint_dir, to_string(journal.error()))});
  }
  recover::ChannelLocks locks;
  if (const auto refusal = locks.lock(journal.value().directories)) return refuse(*refusal);
  fmt::print(stderr, "note: finishing a repair that was cut off\n");
  if (const auto refusal = recover::finish_repair(journal.value())) return refuse(*refusal);
  Output out(stdout);
  recover::print_repaired(journal.value(), out);
  return out.finish(kExitFine);
}

Result<int> run_repair(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  if (!has_keys(channel, {})) return kExitFailed;
  SignalWatcher signals;
  StopSignal stop;
  TRY(signals.start([&stop](int) { stop.request(); }));
  const Progress::Style style = progress_style(arguments);
  recover::RepairPlan plan;
  if (const auto refusal =
          recover::plan_repair(channel, {.threads = arguments.threads, .progress = style}, plan)) {
    return refuse(*refusal);
  }
  recover::print_plan(plan, arguments.is_applied, out);
  out.flush();
  if (plan.is_empty()) return kExitFine;
  if (!arguments.is_applied) return kExitFailed;
  recover::RepairJournal journal;
  if (const auto refusal = recover::prepare_repair(channel, plan, style, stop, journal)) {
    return refuse(*refusal);
  }
  if (const auto refusal = recover::finish_repair(journal)) return refuse(*refusal);
  recover::print_repaired(journal, out);
  return kExitFine;
}

// As in an agent: the first signal ends it after the batch in hand, the second at once.
class ReplaySignals {
 public:
  explicit ReplaySignals(StopSignal& stop) : stop_(stop) {}

  Result<void> start() {
    return watcher_.start([this](int) {
      if (is_asked_) std::_Exit(kExitFailed);
      is_asked_ = true;
      stop_.request();
    });
  }

 private:
  StopSignal& stop_;
  bool is_asked_ = false;  // watcher's thread
  SignalWatcher watcher_;
};

int run_replay(OfflineChannel& channel, const Arguments& arguments) {
  recover::ReplayTarget target;
  if (const auto refusal =
          recover::find_target(arguments.place.config_files, arguments.place.agent_name,
                               arguments.place.channel_name, target)) {
    return refuse(*refusal);
  }
  recover::ReplayOptions options = arguments.replay;
  options.progress = progress_style(arguments);
  recover::ReplayState state(options.state_file, channel.log.channel_id);
  if (!options.state_file.empty()) {
    if (const auto refusal = recover::resume(channel, state)) return refuse(*refusal);
  }
  if (!has_keys(channel, {})) return kExitFailed;
  Output out(stdout);
  if (!arguments.is_applied) {
    const auto refusal = recover::print_replay_plan(channel, target, state, out);
    return refusal ? refuse(*refusal) : out.finish(kExitFine);
  }
  StopSignal stop;
  ReplaySignals signals(stop);
  if (const auto started = signals.start(); !started.has_value()) {
    return refuse({.reason = to_string(started.error())});
  }
  set_log_level(LogLevel::kWarn);  // sinks say what is wrong with them
  recover::ReplayReport report;
  const auto refusal = recover::replay_events(channel, target, options, stop, state, report);
  if (refusal) return refuse(*refusal);
  recover::print_replayed(options, report, out);
  return out.finish(report.is_complete && report.lost_events == 0 ? kExitFine : kExitFailed);
}

int run(const Arguments& arguments) {
  ChannelDirs dirs;
  if (const auto refusal = recover::find_channel(arguments.place, dirs)) return refuse(*refusal);
  if (dirs.has_unfinished_repair) return finish_repair(dirs, arguments);
  for (const std::string& note : dirs.notes) fmt::print(stderr, "note: {}\n", note);
  std::shared_ptr<const wal::KeyRing> keys;
  if (const auto refusal = recover::collect_keys(dirs, arguments.keys, keys)) {
    return refuse(*refusal);
  }
  recover::ChannelLocks locks;
  if (arguments.command == "repair" && arguments.is_applied) {
    if (const auto refusal = locks.lock(recover::repair_directories(dirs))) return refuse(*refusal);
  }
  OfflineChannel channel;
  if (const auto refusal = recover::open_channel(dirs, keys, channel)) return refuse(*refusal);

  const std::string& command = arguments.command;
  if (command == "replay") return run_replay(channel, arguments);
  Output out(stdout);
  const auto call = command == "status"   ? run_status
                    : command == "ls"     ? run_list
                    : command == "cat"    ? run_cat
                    : command == "verify" ? run_verify
                    : command == "export" ? run_export
                                          : run_repair;
  const Result<int> done = call(channel, arguments, out);
  if (!done.has_value()) {
    fmt::print(stderr, "{}\n", to_string(done.error()));
    return out.finish(kExitFailed);
  }
  if (const auto refusal = recover::check_not_in_use(dirs)) {
    fmt::print(stderr, "an agent was started meanwhile; what was read may be wrong\n");
    static_cast<void>(out.finish(kExitFailed));
    return refuse(*refusal);
  }
  return out.finish(done.value());
}

}  // namespace

int recover_main(int argc, char** argv) {
  // A reader that goes away ends the output (Output), not the process.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  set_log_level(LogLevel::kError);

  Arguments arguments;
  if (const auto exit_code = recover::parse_arguments(argc, argv, arguments)) return *exit_code;
  return run(arguments);
}

}  // namespace spillway::agent
