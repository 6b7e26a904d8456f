// The entry into the runtime: what `spillway agent` calls once the command line is understood.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_config.h"

namespace spillway::agent {

/// Passed by code; every field comes from the command line.
struct AgentOptions {
  std::string agent_name;
  std::vector<std::string> config_files;         // to be loaded again when one changes
  bool is_reload_enabled = true;                 // false with --no-reload-conf
  std::uint32_t poll_interval_seconds = 30;      // -i: how often the files are looked at
  std::optional<std::uint16_t> monitoring_port;  // set by -Dflume.monitoring.type=http
};

/// Starts `config`, runs until SIGINT or SIGTERM, drains and stops. Returns the exit code:
/// 0 after a clean stop, 1 when the agent could not start or stop cleanly.
int run_agent(const AgentConfig& config, const AgentOptions& options);

}  // namespace spillway::agent
