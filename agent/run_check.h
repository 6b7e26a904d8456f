// `spillway check`: says everything that is wrong with configuration files, and runs nothing.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "agent/variables.h"

namespace spillway::agent {

struct CheckOptions {
  std::vector<std::string> config_files;
  std::string agent_name;  // empty: every agent in the files
  bool is_json = false;    // one JSON object instead of lines
  bool is_strict = false;  // notices fail too
  // Without the environment, files and programs that variables name, and without a look at this
  // host's directories and keys: for a check elsewhere than where the agent runs.
  bool is_environment_used = true;
  VariableSources sources = {};
};

/// Writes `file:line: key: reason` lines, or one JSON object, to `out`. Returns the exit code:
/// 0 or 78.
int run_check(const CheckOptions& options, std::FILE* out);

}  // namespace spillway::agent
