#include "agent/run_graph.h"

#include <fmt/format.h>

#include "agent/agent_config.h"
#include "agent/cli.h"
#include "agent/config_tree.h"
#include "agent/topology.h"

namespace spillway::agent {

int run_graph(const GraphOptions& options, std::FILE* out) {
  const ConfigText text = read_config_files(options.config_files, options.sources);
  std::string name = options.agent_name;
  if (name.empty()) {
    const std::vector<std::string> names = agent_names(text.properties);
    if (names.size() > 1) {
      fmt::print(stderr, "there are several agents, say which with -n: {}\n",
                 fmt::join(names, ", "));
      return kExitBadConfig;
    }
    if (!names.empty()) name = names.front();
  }
  const LoadedAgent loaded = validate_agent(text, name);
  if (has_errors(loaded.problems)) {
    for (const ConfigProblem& problem : loaded.problems) {
      fmt::print(stderr, "{}\n", to_string(problem));
    }
    return kExitBadConfig;
  }
  const Topology topology = topology_of(loaded.agent);
  fmt::print(out, "{}",
             options.format == "dot"       ? draw_dot(topology)
             : options.format == "mermaid" ? draw_mermaid(topology)
                                           : draw_svg(topology));
  return kExitFine;
}

}  // namespace spillway::agent
