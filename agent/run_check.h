// `spillway check`: says everything that is wrong with configuration files, and runs nothing.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace spillway::agent {

struct CheckOptions {
  std::vector<std::string> config_files;
  std::string agent_name;  // empty: every agent in the files
  bool is_json = false;    // one JSON object instead of lines
  bool is_strict = false;  // notices fail too
};

/// Writes `file:line: key: reason` lines, or one JSON object, to `out`. Returns the exit code:
/// 0 or 78.
int run_check(const CheckOptions& options, std::FILE* out);

}  // namespace spillway::agent
