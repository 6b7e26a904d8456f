// Fuzz target: bytes that may be a configuration file. Whatever they are, they are read or refused
// with a place inside the file, its variables are replaced within their limits, and no agent in
// them makes the validation fail.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_config.h"
#include "agent/config_tree.h"
#include "agent/properties.h"
#include "agent/variables.h"
#include "wal/base/check.h"
#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kAgentsMax = 4;
// Small, so that the limits are reached.
constexpr PropertiesLimits kLimits{
    .file_bytes_max = 60'000, .line_bytes_max = 2'000, .keys_max = 200, .problems_max = 20};

void check_text(std::string_view text) {
  CHECK(text.find('\0') == std::string_view::npos);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    CHECK(length > 0);
    text.remove_prefix(length);
  }
}

void check_problems(const std::vector<ConfigProblem>& problems, std::size_t lines) {
  for (const ConfigProblem& problem : problems) {
    CHECK(!problem.reason.empty());
    CHECK(problem.origin.line <= lines);
    check_text(to_string(problem));
  }
}

// An environment, files and programs that answer from what they are asked for.
VariableSources fake_sources(std::string_view text) {
  VariableSources sources;
  sources.definitions = {{"dc", "eu"}};
  sources.is_classic = text.size() % 2 == 1;
  if (text.size() % 7 == 0) return sources;  // as with --no-env
  sources.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name.size() % 3 == 0) return std::nullopt;
    return name + "${" + name + "}";
  };
  sources.read_file = [](const std::string& path) -> Result<std::string> {
    if (path.empty()) return Error{.code = Errc::kNotFound, .what = "scripted"};
    return path + "\na = " + path;
  };
  sources.run_program = [](const std::vector<std::string>& argv) -> Result<std::string> {
    if (argv.size() % 3 == 0) return Error{.code = Errc::kNotFound, .what = "scripted"};
    return argv.back();
  };
  return sources;
}

void check_properties(std::string_view text) {
  const auto breaks =
      std::count_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; });
  const std::size_t lines = static_cast<std::size_t>(breaks) + 1;

  ConfigText config;
  config.files = {"f"};
  config.properties = parse_properties(text, "f", config.problems, kLimits);
  CHECK(config.properties.size() <= kLimits.keys_max);
  CHECK(config.problems.size() <= kLimits.problems_max + 1);
  check_problems(config.problems, lines);
  std::uint32_t last_line = 0;
  for (const Property& property : config.properties) {
    CHECK(property.origin.line > last_line);
    last_line = property.origin.line;
    CHECK(last_line <= lines);
    check_text(property.key);
    check_text(property.value);
  }

  const std::size_t problems_before = config.problems.size();
  resolve_variables(config, fake_sources(text));
  CHECK(config.problems.size() >= problems_before);
  check_problems(config.problems, lines);
  for (const Property& property : config.properties) check_text(property.value);

  std::vector<std::string> agents = agent_names(config.properties);
  agents.resize(std::min(agents.size(), kAgentsMax));
  for (const std::string& agent : agents) {
    const LoadedAgent loaded = validate_agent(config, agent);
    check_problems(loaded.problems, lines);
    if (has_errors(loaded.problems) || !config.unknown_keys.empty()) continue;
    for (const SourceConfig& source : loaded.agent.sources) CHECK(source.type != nullptr);
    for (const SinkConfig& sink : loaded.agent.sinks) {
      CHECK(sink.type != nullptr);
      CHECK(sink.channel < loaded.agent.channels.size());
    }
  }
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
  spillway::agent::check_properties({reinterpret_cast<const char*>(data), size});
  return 0;
}
