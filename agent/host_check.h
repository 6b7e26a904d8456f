// What is fine as a configuration and will not work on this host: directories, keys.
#pragma once

#include <vector>

#include "agent/agent_config.h"

namespace spillway::agent {

/// Looks, and changes nothing: directories that can be neither used nor made, and what the channels
/// have to say (ChannelType::examine). `agent` has no errors.
std::vector<ConfigProblem> examine_host(const AgentConfig& agent);

}  // namespace spillway::agent
