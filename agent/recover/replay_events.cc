#include "agent/recover/replay_events.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/pipeline_builder.h"
#include "agent/recover/event_reader.h"
#include "agent/recover/plain_words.h"
#include "agent/recover/replay_channel.h"
#include "wal/base/clock.h"

namespace spillway::agent::recover {
namespace {

std::string to_lines(const std::vector<ConfigProblem>& problems) {
  std::string lines;
  for (const ConfigProblem& problem : problems) {
    if (!problem.is_notice) lines += to_string(problem) + "\n";
  }
  return lines;
}

// What is behind this has been sent, but for ranges that resume() has taken in.
EventFilter what_is_left(const ReplayState& state) {
  return {.from = state.done().below().value};
}

std::vector<std::string> sinks_of(const ReplayTarget& target) {
  std::vector<std::string> sinks;
  for (const SinkConfig& sink : target.config.sinks) {
    if (sink.channel != target.channel) continue;
    sinks.push_back(fmt::format("{} ({})", sink.name, sink.type->name));
  }
  return sinks;
}

Refusal refuse(const Error& error) {
  return {.reason = to_string(error)};
}

}  // namespace

std::optional<Refusal> find_target(const std::vector<std::string>& config_files,
                                   const std::string& agent_name, const std::string& channel_name,
                                   ReplayTarget& target) {
  LoadedAgent loaded = load_agent_config(config_files, agent_name);
  if (has_errors(loaded.problems)) {
    return Refusal{.exit_code = kExitBadConfig,
                   .reason = to_lines(loaded.problems) + "the configuration is refused"};
  }
  target.config = std::move(loaded.agent);
  const auto& channels = target.config.channels;
  std::vector<std::string> names;
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    names.push_back(channels[i].name);
    if (channel_name.empty() ? channels.size() == 1 : channels[i].name == channel_name) chosen = i;
  }
  if (!chosen) {
    return Refusal{.exit_code = kExitBadUsage,
                   .reason = fmt::format("choose the channel whose sinks are to be used with -c: "
                                         "agent {} has {}",
                                         agent_name, fmt::join(names, ", "))};
  }
  target.channel = *chosen;
  if (!sinks_of(target).empty()) return std::nullopt;
  return Refusal{.exit_code = kExitBadConfig,
                 .reason = fmt::format("channel {} of agent {} has no sink", channels[*chosen].name,
                                       agent_name)};
}

std::optional<Refusal> resume(OfflineChannel& channel, ReplayState& state) {
  if (lies_in(channel.dirs, state.path())) {
    return Refusal{.exit_code = kExitBadUsage,
                   .reason = fmt::format("--state {} lies in the channel, where nothing is "
                                         "written; name another place",
                                         state.path())};
  }
  const auto loaded = state.load();
  if (!loaded.has_value()) {
    return Refusal{.reason =
                       fmt::format("--state {}: {}", state.path(), to_string(loaded.error()))};
  }
  const checkpoint::AckState& done = state.done();
  channel.log.acks.add({.first = {1}, .end = done.below()});
  for (const wal::SequenceRange& range : done.ranges()) channel.log.acks.add(range);
  return std::nullopt;
}

std::optional<Refusal> print_replay_plan(const OfflineChannel& channel, const ReplayTarget& target,
                                         const ReplayState& state, Output& out) {
  const auto count = count_events(channel, what_is_left(state));
  if (!count.has_value()) return refuse(count.error());
  out.print("Sends     {} that wait, in their order\n",
            count_in_words(count.value().events, "event"));
  if (count.value().lost_events > 0) {
    out.print("Loses     {} that cannot be read\n",
              count_in_words(count.value().lost_events, "event"));
    for (const std::string& loss : count.value().losses) out.print("          {}", loss);
  }
  out.print("From      {}\n", fmt::join(channel.dirs.data_dirs, ", "));
  out.print("Through   {}\n", fmt::join(sinks_of(target), ", "));
  out.write(
      "Next      nothing has been sent. Make sure that no agent delivers these events, or "
      "they arrive twice;\n          the same command with --apply sends them\n");
  return std::nullopt;
}

std::optional<Refusal> replay_events(const OfflineChannel& channel, const ReplayTarget& target,
                                     const ReplayOptions& options, StopSignal& stop,
                                     ReplayState& state, ReplayReport& report) {
  const EventFilter filter = what_is_left(state);
  auto reader = EventReader::open(channel, filter);
  if (!reader.has_value()) return refuse(reader.error());
  const SystemClock clock;
  Progress progress({.style = options.progress, .command = "replay"},
                    reader.value()->bytes_to_read(), clock);
  Output notes(stderr);
  ReplayChannel::Hooks hooks{.ended = &stop};
  hooks.on_read = [&progress](const EventReader& at) { progress.advance_to(at.bytes_read()); };
  hooks.on_damage = [&](const EventReader::Step& step) {
    progress.make_way();
    notes.write(damage_in_words(step));
    notes.flush();
  };
  hooks.find_obstacle = [&channel] {
    const auto refusal = check_not_in_use(channel.dirs);
    return refusal ? refusal->reason : std::string();
  };
  auto replayed =
      std::make_unique<ReplayChannel>(*reader.value(), state, options.events_per_second,
                                      channel.log.end.next_sequence, std::move(hooks), clock);
  const ReplayChannel& from = *replayed;
  BuiltPipeline built = build_sinks(target.config, target.channel, std::move(replayed), clock);
  if (!built.problems.empty()) {
    return Refusal{.exit_code = kExitBadConfig,
                   .reason = to_lines(built.problems) + "the configuration is refused"};
  }
  Agent agent(std::move(built.pipeline), clock, {.seed = clock.monotonic_ns()});
  agent.start();
  stop.wait();
  agent.stop(std::chrono::milliseconds(0));
  progress.finish();
  report = {.sent_events = from.sent_events(),
            .lost_events = reader.value()->lost_events(),
            .is_complete = from.is_complete()};
  if (from.problem().empty()) return std::nullopt;
  return Refusal{.reason =
                     fmt::format("{}\nsent {}; the same command goes on from there", from.problem(),
                                 count_in_words(report.sent_events, "event"))};
}

void print_replayed(const ReplayOptions& options, const ReplayReport& report, Output& out) {
  out.print("sent {}\n", count_in_words(report.sent_events, "event"));
  if (report.lost_events > 0) {
    out.print("LOST {}: damaged, and not sent\n", count_in_words(report.lost_events, "event"));
  }
  if (report.is_complete) {
    out.print("complete: nothing is left to be sent; the next replay with --state {} knows\n",
              options.state_file);
  } else {
    out.print(
        "stopped: the same command, with the same --state {}, goes on from there; a batch "
        "that was under way may be sent again\n",
        options.state_file);
  }
}

}  // namespace spillway::agent::recover
