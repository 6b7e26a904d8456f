// Placeholder until the runtime is there; replace the whole file.
#include "agent/run_agent.h"

#include "wal/base/log.h"

namespace spillway::agent {

int run_agent(const AgentConfig& config, const AgentOptions&) {
  log_error("agent.no_runtime", "this build cannot run agents yet", {{"agent", config.name}});
  return 1;
}

}  // namespace spillway::agent
