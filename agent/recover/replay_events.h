// `spillway recover replay`: sends what waits in a channel through the sinks of a configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/agent_config.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/progress.h"
#include "agent/recover/refusal.h"
#include "agent/recover/replay_state.h"
#include "agent/stop_signal.h"

namespace spillway::agent::recover {

struct ReplayOptions {
  std::string state_file{};
  std::uint64_t events_per_second = 0;  // 0: as many as the sinks take
  Progress::Style progress = Progress::Style::kNone;
};

/// The sinks, and the channel of the configuration whose place the offline one takes.
struct ReplayTarget {
  AgentConfig config{};
  std::size_t channel = 0;
};

struct ReplayReport {
  std::uint64_t sent_events = 0;  // by this call
  std::uint64_t lost_events = 0;
  bool is_complete = false;
};

/// Reads the configuration. `channel_name` may be empty when it has one channel.
std::optional<Refusal> find_target(const std::vector<std::string>& config_files,
                                   const std::string& agent_name, const std::string& channel_name,
                                   ReplayTarget& target);

/// What was sent by an earlier replay counts as delivered from here on. Refuses a state file that
/// is not this channel's, or lies in it.
std::optional<Refusal> resume(OfflineChannel& channel, ReplayState& state);

/// Reads what waits, and sends nothing.
std::optional<Refusal> print_replay_plan(const OfflineChannel& channel, const ReplayTarget& target,
                                         const ReplayState& state, Output& out);

/// Until everything is sent, or `stop`. A sink that fails is tried again, as an agent does.
std::optional<Refusal> replay_events(const OfflineChannel& channel, const ReplayTarget& target,
                                     const ReplayOptions& options, StopSignal& stop,
                                     ReplayState& state, ReplayReport& report);

void print_replayed(const ReplayOptions& options, const ReplayReport& report, Output& out);

}  // namespace spillway::agent::recover
