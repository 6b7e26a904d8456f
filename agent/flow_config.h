// What a configuration says about selectors, interceptors and processors of sink groups.
//
// They have no section of their own: their keys live below `<source>.selector.`,
// `<source>.interceptors.<name>.` and `<group>.processor.`. Links between components are
// AgentConfig's business.
#pragma once

#include <string>
#include <vector>

#include "agent/agent_config.h"
#include "agent/config_tree.h"

namespace spillway::agent {

/// `channels` are the names the source lists. `type` is nullptr when there was a problem.
SelectorConfig read_selector(const ComponentTree& source, const std::vector<std::string>& channels,
                             std::vector<ConfigProblem>& problems);

/// In their order; those with a problem have no type.
std::vector<InterceptorConfig> read_interceptors(const ComponentTree& source,
                                                 std::vector<ConfigProblem>& problems);

/// Type and options of the group's processor; `sinks` are the names the group lists.
SinkGroupConfig read_sink_group(const ComponentTree& group, const std::vector<std::string>& sinks,
                                std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
