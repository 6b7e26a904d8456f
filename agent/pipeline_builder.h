// From a validated AgentConfig to a Pipeline: calls every component's create().
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "agent/agent_config.h"
#include "agent/config_diff.h"
#include "agent/pipeline.h"

namespace spillway::agent {

/// `pipeline` is complete only when `problems` is empty.
struct BuiltPipeline {
  Pipeline pipeline;
  std::vector<ConfigProblem> problems;  // what create() refused: rules across options
};

/// Touches neither network nor files: that is start()'s. `clock` outlives the pipeline.
BuiltPipeline build_pipeline(const AgentConfig& config, const Clock& clock);

/// `next` is complete only when `problems` is empty; it shares components with what runs.
struct BuiltNext {
  NextPipeline next;
  std::vector<ConfigProblem> problems;
};

/// What `diff` keeps comes from `running`, the rest is created. Changes nothing that runs.
BuiltNext build_next(const AgentConfig& config, const ConfigDiff& diff, const Pipeline& running,
                     const Clock& clock);

/// The sinks of channel `channel` of `config`, behind `replacement` in its place; no sources.
BuiltPipeline build_sinks(const AgentConfig& config, std::size_t channel,
                          std::unique_ptr<channel::Channel> replacement, const Clock& clock);

}  // namespace spillway::agent
