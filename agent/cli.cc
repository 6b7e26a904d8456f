#include "agent/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent_config.h"
#include "agent/config_backup.h"
#include "agent/flume_flags.h"
#include "agent/list_components.h"
#include "agent/option_value.h"
#include "agent/run_agent.h"
#include "agent/run_check.h"
#include "agent/run_graph.h"
#include "agent/system_properties.h"
#include "agent/variables.h"
#include "agent/version.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr const char* kAbout =
    "Collects, stores and forwards log events: an Apache Flume agent around a durable channel.";

/// Where the parser puts what it read; one field per flag.
struct Arguments {
  AgentOptions agent;
  CheckOptions check;
  GraphOptions graph;
  bool is_environment_unused = false;
  bool is_reload_disabled = false;
  std::uint32_t drain_timeout_seconds = 10;
  std::vector<std::string> definitions;  // -D
  std::string log_format = "text";
  std::string component;
  bool is_markdown = false;
  bool is_json = false;
  std::string help_topic;

  // Flume's flags that mean nothing to a native program; accepted, so that scripts keep working.
  std::string conf_dir;
  std::string class_path;
  std::string plugins_path;
  std::string zookeeper;
  std::string zookeeper_path;
  std::vector<std::string> jvm_flags;
  FlumeFlags flume;
  bool is_dry_run = false;
  std::string backup_directory;
};

void add_agent(CLI::App& app, Arguments& arguments) {
  CLI::App* const agent = app.add_subcommand("agent", "run an agent");
  agent->add_option("-n,--name", arguments.agent.agent_name, "agent to run")->required();
  agent
      ->add_option(
          "-f,--conf-file", arguments.agent.config_files,
          "properties file; repeatable. -u with an http:, https:, file: or classpath: URI, too")
      ->required()
      ->allow_extra_args(false);
  agent->add_flag("-d,--dryrun", arguments.is_dry_run, "only check the configuration");
  agent->add_flag("--no-reload-conf", arguments.is_reload_disabled,
                  "read the files once; otherwise SIGHUP or a changed file reloads them");
  agent
      ->add_option("-i,--poll-interval", arguments.agent.poll_interval_seconds,
                   "seconds between two looks at the files; 0: reload on SIGHUP only")
      ->check(CLI::Range(0U, 86'400U))
      ->capture_default_str();
  agent
      ->add_option("--drain-timeout", arguments.drain_timeout_seconds,
                   "seconds a stop lets sinks empty channels that would lose events")
      ->check(CLI::Range(0U, 86'400U))
      ->capture_default_str();
  agent->add_option("-b,--backup-directory", arguments.backup_directory,
                    "keeps copies of the files, for a start while they cannot be read");
  agent->add_option("-D", arguments.definitions, "key=value, as Flume's: flume.root.logger, …")
      ->allow_extra_args(false);
  agent->add_option("--log-format", arguments.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  const std::string ignored = "accepted and ignored: ";
  agent->add_option("-c,--conf", arguments.conf_dir, ignored + "directory of flume-env.sh");
  agent->add_option("-C,--classpath", arguments.class_path, ignored + "Java class path");
  agent->add_option("--plugins-path", arguments.plugins_path, ignored + "Java plug-ins");
  agent->add_option("-X", arguments.jvm_flags, ignored + "JVM flags")->allow_extra_args(false);
  agent->add_option("-z,--zkConnString", arguments.zookeeper, ignored + "ZooKeeper hosts");
  agent->add_option("-p,--zkBasePath", arguments.zookeeper_path, ignored + "ZooKeeper path");
}

void add_others(CLI::App& app, Arguments& arguments) {
  CLI::App* const check = app.add_subcommand("check", "say what is wrong with a configuration");
  check->add_option("-f,--conf-file", arguments.check.config_files, "properties file; repeatable")
      ->required()
      ->allow_extra_args(false);
  check->add_option("-n,--name", arguments.check.agent_name, "only this agent; otherwise all");
  check->add_flag("--json", arguments.check.is_json, "one JSON object");
  check->add_flag("--strict", arguments.check.is_strict, "fail on notices too");
  check->add_flag("--no-env", arguments.is_environment_unused,
                  "leave out what depends on this host: environment, files, directories");
  check->add_option("-D", arguments.definitions, "key=value, for ${sys:key}")
      ->allow_extra_args(false);

  CLI::App* const graph = app.add_subcommand("graph", "draw who hands events to whom");
  graph->add_option("-f,--conf-file", arguments.graph.config_files, "properties file; repeatable")
      ->required()
      ->allow_extra_args(false);
  graph->add_option("-n,--name", arguments.graph.agent_name, "agent, when there are several");
  graph->add_option("--format", arguments.graph.format, "svg, dot or mermaid")
      ->check(CLI::IsMember({"svg", "dot", "mermaid"}))
      ->capture_default_str();
  graph->add_option("-D", arguments.definitions, "key=value, for ${sys:key}")
      ->allow_extra_args(false);

  CLI::App* const components = app.add_subcommand("components", "list components and options");
  components->add_option("NAME", arguments.component, "only this one, with its options");
  CLI::Option* const markdown =
      components->add_flag("--markdown", arguments.is_markdown, "as docs/components.md has it");
  components->add_flag("--json", arguments.is_json, "as JSON")->excludes(markdown);

  app.set_version_flag("-V,--version", fmt::format("spillway {}", version()));
  app.add_subcommand("version", "print the version");
  CLI::App* const help = app.add_subcommand("help", "print this, or the flags of one command");
  help->add_option("COMMAND", arguments.help_topic, "the command to explain");
}

void print_notices(const std::vector<std::string>& notices) {
  for (const std::string& notice : notices) fmt::print(stderr, "notice: {}\n", notice);
}

std::vector<std::string> ignored_flags(const Arguments& arguments) {
  std::vector<std::string> notices;
  const auto note = [&notices](const std::string& value, std::string_view flag) {
    if (!value.empty()) notices.push_back(fmt::format("{} has no effect", flag));
  };
  // -c is in every start script and has nothing to say: not worth a line.
  note(arguments.class_path, "-C");
  note(arguments.plugins_path, "--plugins-path");
  for (const std::string& flag : arguments.jvm_flags) note(flag, "-X" + flag);
  if (!arguments.zookeeper.empty() || !arguments.zookeeper_path.empty()) {
    notices.emplace_back("-z and -p have no effect: the configuration comes from the files alone");
  }
  return notices;
}

StatusServerOptions status_options(const MonitoringSettings& monitoring) {
  return {
      .bind = monitoring.bind,
      .port = monitoring.port,
      .format = monitoring.is_prometheus ? MetricsFormat::kPrometheus : MetricsFormat::kFlumeJson};
}

VariableSources variables_of(const SystemProperties& properties) {
  return process_variables(properties.definitions, properties.is_classic);
}

int check_files(Arguments& arguments) {
  arguments.check.is_environment_used = !arguments.is_environment_unused;
  arguments.check.sources = variables_of(read_system_properties(arguments.definitions));
  return run_check(arguments.check, stdout);
}

int start_agent(Arguments& arguments) {
  if (arguments.is_dry_run) {
    arguments.check.config_files = arguments.agent.config_files;
    arguments.check.agent_name = arguments.agent.agent_name;
    return check_files(arguments);
  }
  const SystemProperties properties = read_system_properties(arguments.definitions);
  print_notices(arguments.flume.notices);
  print_notices(ignored_flags(arguments));
  print_notices(properties.notices);
  for (const std::string& problem : properties.problems) fmt::print(stderr, "{}\n", problem);
  if (!properties.problems.empty()) return kExitBadUsage;
  if (properties.log_level) set_log_level(*properties.log_level);
  set_log_format(arguments.log_format == "json" ? LogFormat::kJson : LogFormat::kText);

  AgentOptions& options = arguments.agent;
  options.is_reload_enabled = !arguments.is_reload_disabled;
  options.drain_max = std::chrono::seconds(arguments.drain_timeout_seconds);
  if (properties.monitoring) options.status = status_options(*properties.monitoring);
  const ConfigBackup backup(arguments.backup_directory, options.agent_name);
  const auto load_from = [name = options.agent_name, sources = variables_of(properties)](
                             const std::vector<std::string>& files) {
    return load_agent_config(files, name, sources);
  };
  options.load = [load_from, backup, files = options.config_files] {
    LoadedAgent loaded = load_from(files);
    if (!has_errors(loaded.problems)) backup.keep(loaded.texts);
    return loaded;
  };
  LoadedAgent loaded = options.load();
  if (const auto files = backup.replace_missing(options.config_files, loaded)) {
    loaded = load_from(*files);
  }
  for (const ConfigProblem& problem : loaded.problems) {
    fmt::print(stderr, "{}\n", to_string(problem));
  }
  if (has_errors(loaded.problems)) return kExitBadConfig;
  return run_agent(loaded, options);
}

std::string help_of(const CLI::App& app, const std::string& usage) {
  // App::help() would answer for the sub-command that was chosen, which is `help` itself.
  return app.get_formatter()->make_help(&app, usage, CLI::AppFormatMode::Normal);
}

int print_help(CLI::App& app, const std::string& topic) {
  if (topic.empty()) {
    fmt::print("{}", help_of(app, "spillway"));
    return kExitFine;
  }
  for (const CLI::App* const command : app.get_subcommands({})) {
    if (command->get_name() != topic) continue;
    fmt::print("{}", help_of(*command, "spillway " + topic));
    return kExitFine;
  }
  fmt::print(stderr, "there is no command {}; see spillway help\n", in_quotes(topic));
  return kExitBadUsage;
}

int dispatch(CLI::App& app, Arguments& arguments) {
  if (app.got_subcommand("agent")) return start_agent(arguments);
  if (app.got_subcommand("check")) return check_files(arguments);
  if (app.got_subcommand("graph")) {
    arguments.graph.sources = variables_of(read_system_properties(arguments.definitions));
    return run_graph(arguments.graph, stdout);
  }
  if (app.got_subcommand("components")) {
    const ListFormat format = arguments.is_markdown ? ListFormat::kMarkdown
                              : arguments.is_json   ? ListFormat::kJson
                                                    : ListFormat::kText;
    return list_components(arguments.component, format, stdout);
  }
  if (app.got_subcommand("version")) {
    fmt::print("spillway {}\n", version());
    return kExitFine;
  }
  return print_help(app, arguments.help_topic);
}

}  // namespace

int run_cli(int argc, char** argv, std::span<const Command> more) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  for (const Command& command : more) {
    if (command.name == first) return command.run(argc - 1, argv + 1);
  }
  CLI::App app(kAbout, "spillway");
  app.require_subcommand(0, 1);
  Arguments arguments;
  add_agent(app, arguments);
  add_others(app, arguments);
  for (const Command& command : more) {
    app.add_subcommand(std::string(command.name), std::string(command.help));
  }
  arguments.flume =
      read_flume_flags(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
  for (const std::string& problem : arguments.flume.problems) fmt::print(stderr, "{}\n", problem);
  if (!arguments.flume.problems.empty()) return kExitBadUsage;
  try {
    std::vector<std::string> reversed(arguments.flume.arguments.rbegin(),
                                      arguments.flume.arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    const bool is_help = error.get_exit_code() == 0;
    static_cast<void>(app.exit(error));
    return is_help ? kExitFine : kExitBadUsage;
  }
  if (app.get_subcommands().empty()) {
    fmt::print(stderr, "{}", app.help());
    return kExitBadUsage;
  }
  return dispatch(app, arguments);
}

}  // namespace spillway::agent
