// From a validated AgentConfig to a Pipeline: calls every component's create().
#pragma once

#include <vector>

#include "agent/agent_config.h"
#include "agent/pipeline.h"

namespace spillway::agent {

/// `pipeline` is complete only when `problems` is empty.
struct BuiltPipeline {
  Pipeline pipeline;
  std::vector<ConfigProblem> problems;  // what create() refused: rules across options
};

/// Touches neither network nor files: that is start()'s. `clock` outlives the pipeline.
BuiltPipeline build_pipeline(const AgentConfig& config, const Clock& clock);

}  // namespace spillway::agent
