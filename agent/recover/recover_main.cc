#include "agent/recover/recover_main.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "agent/cli.h"
#include "agent/recover/cat_events.h"
#include "agent/recover/find_channel.h"
#include "agent/recover/given_keys.h"
#include "agent/recover/list_segments.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/report_json.h"
#include "agent/recover/status_report.h"
#include "agent/recover/verify_report.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using recover::CatOptions;
using recover::ChannelDirs;
using recover::ChannelPlace;
using recover::EventFormat;
using recover::OfflineChannel;
using recover::Output;
using recover::Progress;
using recover::Refusal;
using recover::VerifyOptions;

constexpr const char* kAbout =
    "Looks at the directory of a stopped or crashed file channel. Never writes to it.\n"
    "Exit codes: 0 no damage, 1 damage was found or the work could not be done, 2 bad usage,\n"
    "78 bad configuration.";

constexpr unsigned kThreadsDefaultMax = 4;
constexpr unsigned kThreadsMax = 256;

/// Where the parser puts what it read.
struct Arguments {
  ChannelPlace place;
  recover::GivenKeys keys;
  bool is_json = false;
  bool is_blocks = false;
  CatOptions cat;
  std::vector<std::string> header_filters;
  std::size_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsDefaultMax);
  bool is_quiet = false;
};

void add_key_options(CLI::App& command, recover::GivenKeys& keys) {
  command
      .add_option("--key", keys.keys,
                  "name=file: key of encrypted segments as in keyProvider RAWFILE; "
                  "name: a key of the key store; repeatable")
      ->allow_extra_args(false);
  CLI::Option* const store = command.add_option(
      "--key-store", keys.store_file,
      "key store as in keyProvider PKCS12; all its keys, unless --key names any");
  CLI::Option* const password = command.add_option(
      "--key-store-password-file", keys.store_password_file, "file with its password");
  command
      .add_option("--key-password-file", keys.password_files,
                  "name=file: password of a key of the key store that has its own; repeatable")
      ->allow_extra_args(false)
      ->needs(store);
  store->needs(password);
  password->needs(store);
}

CLI::App* add_command(CLI::App& app, const char* name, const char* about, Arguments& arguments) {
  CLI::App* const command = app.add_subcommand(name, about);
  ChannelPlace& place = arguments.place;
  CLI::Option* const directory =
      command->add_option("DIR", place.directory,
                          "checkpoint directory, data directory, or the directory with both in it");
  CLI::Option* const checkpoint =
      command->add_option("--checkpoint-dir", place.checkpoint_dir, "directory of the manifest");
  CLI::Option* const data =
      command->add_option("--data-dirs", place.data_dirs, "directories of the slot files: D1,D2")
          ->delimiter(',');
  CLI::Option* const config =
      command->add_option("-f,--conf-file", place.config_files, "take them from a configuration")
          ->allow_extra_args(false);
  CLI::Option* const agent = command->add_option("-n,--name", place.agent_name, "agent in it");
  CLI::Option* const channel =
      command->add_option("-c,--channel", place.channel_name, "channel, if there are several");
  add_key_options(*command, arguments.keys);
  checkpoint->needs(data)->excludes(directory)->excludes(config);
  data->needs(checkpoint)->excludes(directory)->excludes(config);
  config->needs(agent)->excludes(directory);
  agent->needs(config);
  channel->needs(config);
  return command;
}

void add_cat_options(CLI::App& cat, Arguments& arguments) {
  CatOptions& options = arguments.cat;
  static const std::map<std::string, EventFormat> kFormats{
      {"text", EventFormat::kText}, {"json", EventFormat::kJson}, {"raw", EventFormat::kRaw}};
  static const std::map<std::string, std::string> kSeparators{
      {"newline", "\n"}, {"nul", std::string(1, '\0')}, {"none", ""}};
  cat.add_option("--format", options.format, "text (default), json or raw")
      ->transform(CLI::CheckedTransformer(kFormats).description(""));
  cat.add_option("--separator", options.separator,
                 "behind each raw body: newline (default), nul or none")
      ->transform(CLI::CheckedTransformer(kSeparators).description(""));
  cat.add_flag("--all", options.is_all, "acknowledged events that are still on disk, too");
  cat.add_option("--from", options.from, "first sequence");
  cat.add_option("--to", options.to, "last sequence");
  cat.add_option("--limit", options.limit, "events at most");
  cat.add_option("--header", arguments.header_filters,
                 "key=value: only events with this header; repeatable, all have to match")
      ->allow_extra_args(false);
}

bool read_header_filters(const std::vector<std::string>& filters, CatOptions& options) {
  for (const std::string& filter : filters) {
    const std::size_t at = filter.find('=');
    if (at == 0 || at == std::string::npos) {
      fmt::print(stderr, "--header {}: write key=value\n", filter);
      return false;
    }
    options.headers.emplace_back(filter.substr(0, at), filter.substr(at + 1));
  }
  return true;
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
  const auto missing = recover::missing_for_cat(channel, arguments.cat);
  for (const std::string& reason : missing) fmt::print(stderr, "{}\n", reason);
  if (!missing.empty()) {
    fmt::print(stderr, "name the keys with --key name=file, --key-store, or -f and -n\n");
    return kExitFailed;
  }
  Output notes(stderr);
  TRY_ASSIGN(const bool has_damage, recover::cat_events(channel, arguments.cat, out, notes));
  return has_damage ? kExitFailed : kExitFine;
}

Result<int> run_verify(const OfflineChannel& channel, const Arguments& arguments, Output& out) {
  const SystemClock clock;
  VerifyOptions options{.threads = arguments.threads};
  if (!arguments.is_quiet) {
    options.progress =
        ::isatty(STDERR_FILENO) == 1 ? Progress::Style::kBar : Progress::Style::kLines;
  }
  TRY_ASSIGN(const recover::VerifyReport report, recover::verify_channel(channel, options, clock));
  if (arguments.is_json) {
    out.write(recover::verify_json(report));
  } else {
    recover::print_verify(report, out);
  }
  return report.is_clean() ? kExitFine : kExitFailed;
}

int refuse(const Refusal& refusal) {
  fmt::print(stderr, "{}\n", refusal.reason);
  return refusal.exit_code;
}

int run(const std::string& command, const Arguments& arguments) {
  ChannelDirs dirs;
  if (const auto refusal = recover::find_channel(arguments.place, dirs)) return refuse(*refusal);
  for (const std::string& note : dirs.notes) fmt::print(stderr, "note: {}\n", note);
  std::shared_ptr<const wal::KeyRing> keys;
  if (const auto refusal = recover::collect_keys(dirs, arguments.keys, keys)) {
    return refuse(*refusal);
  }
  OfflineChannel channel;
  if (const auto refusal = recover::open_channel(dirs, keys, channel)) return refuse(*refusal);

  Output out(stdout);
  const auto call = command == "status" ? run_status
                    : command == "ls"   ? run_list
                    : command == "cat"  ? run_cat
                                        : run_verify;
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

  CLI::App app(kAbout, "spillway recover");
  app.require_subcommand(1);
  Arguments arguments;
  CLI::App* const status = add_command(app, "status", "say what is in the channel", arguments);
  status->add_flag("--json", arguments.is_json, "one JSON object");
  CLI::App* const list = add_command(app, "ls", "list segments and slot files", arguments);
  list->add_flag("--blocks", arguments.is_blocks, "list every block instead; reads everything");
  add_cat_options(*add_command(app, "cat", "print the events that wait, in order", arguments),
                  arguments);
  CLI::App* const verify = add_command(app, "verify", "read everything and check it", arguments);
  verify->add_flag("--json", arguments.is_json, "one JSON object");
  verify->add_option("--threads", arguments.threads, "segments read at once")
      ->check(CLI::Range(1U, kThreadsMax));
  verify->add_flag("-q,--quiet", arguments.is_quiet, "no progress on standard error");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    static_cast<void>(app.exit(error));
    return is_help ? kExitFine : kExitBadUsage;
  }
  const ChannelPlace& place = arguments.place;
  if (place.directory.empty() && place.checkpoint_dir.empty() && place.config_files.empty()) {
    fmt::print(stderr, "name a channel: DIR, --checkpoint-dir and --data-dirs, or -f and -n\n");
    return kExitBadUsage;
  }
  if (!read_header_filters(arguments.header_filters, arguments.cat)) return kExitBadUsage;
  return run(app.get_subcommands().front()->get_name(), arguments);
}

}  // namespace spillway::agent
