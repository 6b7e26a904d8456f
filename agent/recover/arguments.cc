#include "agent/recover/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>
#include <vector>

#include "agent/cli.h"
#include "agent/recover/point_in_time.h"

namespace spillway::agent::recover {
namespace {

constexpr const char* kAbout =
    "Looks at the directory of a stopped or crashed file channel, and gets its events out.\n"
    "Nothing but repair --apply writes into it.\n"
    "Exit codes: 0 no damage, 1 damage was found or the work could not be done, 2 bad usage,\n"
    "78 bad configuration.";

constexpr unsigned kThreadsDefaultMax = 4;
constexpr unsigned kThreadsMax = 256;
constexpr std::uint64_t kRateMax = 1'000'000'000;

class Parser {
 public:
  explicit Parser(Arguments& arguments) : arguments_(arguments), app_(kAbout, "spillway recover") {
    app_.require_subcommand(1);
    CLI::App& status = add("status", "say what is in the channel");
    status.add_flag("--json", arguments_.is_json, "one JSON object");
    CLI::App& list = add("ls", "list segments and slot files");
    list.add_flag("--blocks", arguments_.is_blocks, "list every block instead; reads everything");
    CLI::App& cat = add("cat", "print the events that wait, in order");
    add_cat_options(cat);
    add_filter_options(cat);
    add_verify_options(add("verify", "read everything and check it"));
    CLI::App& exports = add("export", "copy the events that wait to a new file or directory");
    add_export_options(exports);
    add_filter_options(exports);
    add_quiet_option(exports);
    CLI::App& repair = add("repair", "say what a repair would keep and lose, or do it");
    repair.add_flag("--apply", arguments_.is_applied,
                    "make the directories clean; the originals are kept aside");
    add_threads_option(repair);
    add_quiet_option(repair);
    CLI::App& replay = add("replay", "send the events that wait through the sinks of -f and -n",
                           ConfigIs::kTarget);
    add_replay_options(replay);
    add_quiet_option(replay);
  }

  std::optional<int> parse(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      const bool is_help = error.get_exit_code() == 0;
      static_cast<void>(app_.exit(error));
      return is_help ? kExitFine : kExitBadUsage;
    }
    arguments_.command = app_.get_subcommands().front()->get_name();
    const ChannelPlace& place = arguments_.place;
    if (place.directory.empty() && place.checkpoint_dir.empty() && place.config_files.empty()) {
      fmt::print(stderr, "name a channel: DIR, --checkpoint-dir and --data-dirs, or -f and -n\n");
      return kExitBadUsage;
    }
    if (arguments_.command == "replay" && arguments_.is_applied &&
        arguments_.replay.state_file.empty()) {
      fmt::print(stderr, "--apply needs --state FILE, to know what has been sent\n");
      return kExitBadUsage;
    }
    const bool is_read = read_header_filters() && read_time("--after", after_, filter().after_ms) &&
                         read_time("--before", before_, filter().before_ms);
    return is_read ? std::nullopt : std::optional(kExitBadUsage);
  }

 private:
  [[nodiscard]] EventFilter& filter() { return arguments_.filter; }

  enum class ConfigIs : std::uint8_t { kPlace, kTarget };

  CLI::App& add(const char* name, const char* about, ConfigIs config_is = ConfigIs::kPlace) {
    CLI::App* const command = app_.add_subcommand(name, about);
    ChannelPlace& place = arguments_.place;
    CLI::Option* const directory = command->add_option(
        "DIR", place.directory,
        "checkpoint directory, data directory, or the directory with both in it");
    CLI::Option* const checkpoint =
        command->add_option("--checkpoint-dir", place.checkpoint_dir, "directory of the manifest");
    CLI::Option* const data =
        command->add_option("--data-dirs", place.data_dirs, "directories of the slot files: D1,D2")
            ->delimiter(',');
    const bool is_target = config_is == ConfigIs::kTarget;
    CLI::Option* const config =
        command
            ->add_option("-f,--conf-file", place.config_files,
                         is_target ? "configuration with the sinks, and with the directories if "
                                     "none are named"
                                   : "take them from a configuration")
            ->allow_extra_args(false);
    CLI::Option* const agent = command->add_option("-n,--name", place.agent_name, "agent in it");
    CLI::Option* const channel =
        command->add_option("-c,--channel", place.channel_name, "channel, if there are several");
    add_key_options(*command);
    checkpoint->needs(data)->excludes(directory);
    data->needs(checkpoint)->excludes(directory);
    config->needs(agent);
    agent->needs(config);
    channel->needs(config);
    if (is_target) {
      config->required();
    } else {
      config->excludes(directory)->excludes(checkpoint)->excludes(data);
    }
    return *command;
  }

  void add_key_options(CLI::App& command) {
    GivenKeys& keys = arguments_.keys;
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

  void add_cat_options(CLI::App& cat) {
    static const std::map<std::string, EventFormat> kFormats{
        {"text", EventFormat::kText}, {"json", EventFormat::kJson}, {"raw", EventFormat::kRaw}};
    static const std::map<std::string, std::string> kSeparators{
        {"newline", "\n"}, {"nul", std::string(1, '\0')}, {"none", ""}};
    cat.add_option("--format", arguments_.cat.format, "text (default), json or raw")
        ->transform(CLI::CheckedTransformer(kFormats).description(""));
    cat.add_option("--separator", arguments_.cat.separator,
                   "behind each raw body: newline (default), nul or none")
        ->transform(CLI::CheckedTransformer(kSeparators).description(""));
  }

  void add_filter_options(CLI::App& command) {
    command.add_flag("--all", filter().is_all, "acknowledged events that are still on disk, too");
    command.add_option("--from", filter().from, "first sequence");
    command.add_option("--to", filter().to, "last sequence");
    command.add_option("--limit", filter().limit, "events at most");
    command
        .add_option("--header", headers_,
                    "key=value: only events with this header; repeatable, all have to match")
        ->allow_extra_args(false);
    command.add_option("--after", after_,
                       "only events put at this time or later: \"2026-01-31 23:59:59\" (UTC), or "
                       "milliseconds since 1970");
    command.add_option("--before", before_, "only events put before this time");
  }

  void add_verify_options(CLI::App& verify) {
    verify.add_flag("--json", arguments_.is_json, "one JSON object");
    add_threads_option(verify);
    add_quiet_option(verify);
  }

  void add_export_options(CLI::App& exports) {
    static const std::map<std::string, ExportFormat> kFormats{{"json", ExportFormat::kJson},
                                                              {"avro", ExportFormat::kAvro},
                                                              {"channel", ExportFormat::kChannel}};
    exports
        .add_option("--format", arguments_.export_to.format,
                    "json: lines as of cat; avro: container file with Flume's schema; channel: "
                    "directory on which an agent starts")
        ->required()
        ->transform(CLI::CheckedTransformer(kFormats).description(""));
    exports
        .add_option("-o,--output", arguments_.export_to.path,
                    "file or directory to be made; nothing is overwritten")
        ->required();
  }

  void add_replay_options(CLI::App& replay) {
    replay.add_flag("--apply", arguments_.is_applied,
                    "send them; else only say what would be sent");
    replay.add_option("--state", arguments_.replay.state_file,
                      "file that notes what has been sent; with it an interrupted replay goes on");
    replay
        .add_option("--rate", arguments_.replay.events_per_second,
                    "events per second at most; else as many as the sinks take")
        ->check(CLI::Range(std::uint64_t{1}, kRateMax));
  }

  void add_threads_option(CLI::App& command) {
    arguments_.threads = std::clamp(std::thread::hardware_concurrency(), 1U, kThreadsDefaultMax);
    command.add_option("--threads", arguments_.threads, "segments verified at once")
        ->check(CLI::Range(1U, kThreadsMax));
  }

  void add_quiet_option(CLI::App& command) {
    command.add_flag("-q,--quiet", arguments_.is_quiet, "no progress on standard error");
  }

  bool read_header_filters() {
    for (const std::string& text : headers_) {
      const std::size_t at = text.find('=');
      if (at == 0 || at == std::string::npos) {
        fmt::print(stderr, "--header {}: write key=value\n", text);
        return false;
      }
      filter().headers.emplace_back(text.substr(0, at), text.substr(at + 1));
    }
    return true;
  }

  static bool read_time(const char* option, const std::string& text,
                        std::optional<std::uint64_t>& ms) {
    if (text.empty()) return true;
    ms = parse_time(text);
    if (ms) return true;
    fmt::print(stderr,
               "{} {}: write \"2026-01-31\", \"2026-01-31 23:59:59\" (UTC), or milliseconds since "
               "1970\n",
               option, text);
    return false;
  }

  Arguments& arguments_;
  CLI::App app_;
  std::vector<std::string> headers_;
  std::string after_;
  std::string before_;
};

}  // namespace

std::optional<int> parse_arguments(int argc, char** argv, Arguments& arguments) {
  return Parser(arguments).parse(argc, argv);
}

}  // namespace spillway::agent::recover
