// `spillway graph`: the topology of an agent as a drawing.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "agent/variables.h"

namespace spillway::agent {

struct GraphOptions {
  std::vector<std::string> config_files;
  std::string agent_name;      // empty: the only one in the files
  std::string format = "svg";  // svg, dot or mermaid
  VariableSources sources = {};
};

/// Writes the drawing to `out`; problems go to standard error. Returns the exit code: 0 or 78.
int run_graph(const GraphOptions& options, std::FILE* out);

}  // namespace spillway::agent
