// Rules that look at more than one option or more than one component of an agent.
//
// Components without a type were refused before; they are skipped here.
#pragma once

#include <vector>

#include "agent/agent_config.h"
#include "agent/config_tree.h"

namespace spillway::agent {

/// Appends to `problems`: an agent with nothing to run; transactionCapacity above capacity; a batch
/// above a channel's transactionCapacity; two channels on one directory; two sources on one port.
/// As notices: channels that
/// nobody fills or nobody empties, sources that share a file of their own.
void check_agent_rules(const AgentConfig& agent, const ConfigTree& tree,
                       std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
