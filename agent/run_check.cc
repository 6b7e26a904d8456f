#include "agent/run_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/agent_config.h"
#include "agent/cli.h"
#include "agent/config_tree.h"
#include "agent/host_check.h"
#include "agent/pipeline_builder.h"
#include "agent/secrets.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

nlohmann::ordered_json to_json(const ConfigProblem& problem) {
  return {{"file", problem.origin.file},
          {"line", problem.origin.line},
          {"key", problem.key},
          {"reason", problem.reason},
          {"severity", problem.is_notice ? "notice" : "error"}};
}

void print_json(const std::vector<std::string>& agents, const std::vector<ConfigProblem>& problems,
                bool is_accepted, std::FILE* out) {
  nlohmann::ordered_json report{{"accepted", is_accepted}, {"agents", agents}};
  report["problems"] = nlohmann::ordered_json::array();
  for (const ConfigProblem& problem : problems) report["problems"].push_back(to_json(problem));
  // Values of a file may hold anything: bytes that are no UTF-8 must not throw.
  fmt::print(out, "{}\n",
             report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_lines(const std::vector<std::string>& agents, const std::vector<ConfigProblem>& problems,
                 bool is_accepted, std::FILE* out) {
  for (const ConfigProblem& problem : problems) fmt::print(out, "{}\n", to_string(problem));
  const auto notices =
      std::count_if(problems.begin(), problems.end(),
                    [](const ConfigProblem& problem) { return problem.is_notice; });
  const auto errors = static_cast<std::ptrdiff_t>(problems.size()) - notices;
  const std::string counts = fmt::format("{} error{}, {} notice{}", errors, errors == 1 ? "" : "s",
                                         notices, notices == 1 ? "" : "s");
  fmt::print(out, "{}: {}; agents: {}\n", is_accepted ? "accepted" : "refused", counts,
             agents.empty() ? "none" : fmt::format("{}", fmt::join(agents, ", ")));
}

void append(std::vector<ConfigProblem>& problems, const std::vector<ConfigProblem>& more) {
  problems.insert(problems.end(), more.begin(), more.end());
}

}  // namespace

int run_check(const CheckOptions& options, std::FILE* out) {
  VariableSources sources = options.sources;
  if (!options.is_environment_used) {
    sources.environment = {};
    sources.read_file = {};
    sources.run_program = {};
  }
  const ConfigText text = read_config_files(options.config_files, sources);
  std::vector<std::string> agents{options.agent_name};
  if (options.agent_name.empty()) agents = agent_names(text.properties);
  const SystemClock clock;
  std::vector<ConfigProblem> problems = text.problems;
  for (const std::string& agent : agents) {
    const LoadedAgent loaded = validate_agent(text, agent);
    append(problems, loaded.problems);
    // Rules across the options of one component are its own create()'s.
    if (has_errors(loaded.problems) || !text.unknown_keys.empty()) continue;
    append(problems, build_pipeline(loaded.agent, clock).problems);
    if (options.is_environment_used) append(problems, examine_host(loaded.agent));
  }
  if (agents.empty() && problems.empty()) {
    problems.push_back({{text.files.front(), 0}, "", "no agent is configured"});
  }
  hide_secrets(text.secrets, problems);
  sort_problems(text.files, problems);
  const bool is_accepted = !has_errors(problems) && (problems.empty() || !options.is_strict);
  if (options.is_json) {
    print_json(agents, problems, is_accepted, out);
  } else {
    print_lines(agents, problems, is_accepted, out);
  }
  return is_accepted ? kExitFine : kExitBadConfig;
}

}  // namespace spillway::agent
