// The entry into the runtime: what `spillway agent` calls once the command line is understood.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_config.h"
#include "agent/status_server.h"

namespace spillway::agent {

/// Passed by code; every field comes from the command line.
struct AgentOptions {
  std::string agent_name;
  std::vector<std::string> config_files;       // to be loaded again when one changes
  std::function<LoadedAgent()> load = {};      // how; none: never
  bool is_reload_enabled = true;               // false with --no-reload-conf
  std::uint32_t poll_interval_seconds = 30;    // -i: between two looks at the files; 0: no looks
  std::optional<StatusServerOptions> status;   // none: no status port, as Flume without monitoring
  std::chrono::milliseconds drain_max{10000};  // how long a stop lets sinks empty the channels
};

/// Starts what was loaded and runs until SIGTERM or SIGINT. Returns the exit code: 0 after a stop
/// that a signal asked for, 78 when a component refuses its configuration, 1 when the process
/// cannot run.
///
/// The first signal drains and stops, the second one stops without draining, the third one ends
/// the process at once with code 1. SIGHUP loads the configuration anew. Call it before other
/// threads exist.
int run_agent(const LoadedAgent& loaded, const AgentOptions& options);

}  // namespace spillway::agent
