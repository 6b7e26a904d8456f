#include "agent/host_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "agent/config_tree.h"
#include "agent/home_path.h"
#include "agent/open_files.h"
#include "agent/option_value.h"

namespace spillway::agent {
namespace {

namespace fs = std::filesystem;

/// Why nothing can be made at `path`, which does not exist.
std::optional<std::string> refuse_new(const fs::path& path) {
  std::error_code error;
  fs::path parent = path.parent_path();
  while (!parent.empty() && !fs::exists(parent, error) && parent != parent.parent_path()) {
    if (error)
      return fmt::format("{} cannot be reached: {}", in_quotes(parent.string()), error.message());
    parent = parent.parent_path();
  }
  if (parent.empty()) parent = ".";
  if (!fs::is_directory(parent, error)) {
    return fmt::format("does not exist and cannot be made: {} is not a directory",
                       in_quotes(parent.string()));
  }
  if (::access(parent.c_str(), W_OK | X_OK) != 0) {
    return fmt::format("does not exist and cannot be made: {} is not writable",
                       in_quotes(parent.string()));
  }
  return std::nullopt;
}

std::optional<std::string> refuse_path(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) return refuse_new(path);
  if (status.type() == fs::file_type::none) {
    return fmt::format("{} cannot be reached: {}", in_quotes(path.string()), error.message());
  }
  const bool is_directory = fs::is_directory(status);
  if (::access(path.c_str(), is_directory ? R_OK | W_OK | X_OK : R_OK) == 0) return std::nullopt;
  return fmt::format("{} is not {}", in_quotes(path.string()),
                     is_directory ? "a directory this user may read and write" : "readable");
}

/// The part that is the same for all events: escapes and patterns end it.
std::string fixed_part(std::string_view text) {
  const std::size_t variable = text.find_first_of("%*?[$");
  if (variable == std::string_view::npos) return std::string(text);
  const std::size_t slash = text.rfind('/', variable);
  return std::string(text.substr(0, slash == std::string_view::npos ? 0 : slash));
}

template <class Component>
void examine_paths(const Component& component, const std::string& prefix,
                   std::vector<ConfigProblem>& problems) {
  for (const OptionSpec& spec : component.type->options) {
    if (spec.type != OptionType::kPath || spec.name.ends_with(".*")) continue;
    std::string_view rest = component.config.string(spec.name);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      const std::string item = fixed_part(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const std::vector<std::string> words = split_words(item);
      if (words.size() != 1) continue;  // none, or a name with blanks: not worth a guess
      const auto path = expand_home(words.front());
      if (!path.has_value()) continue;  // create() has said so
      std::optional<std::string> reason = refuse_path(path.value());
      if (!reason) continue;
      ConfigOrigin origin = component.config.origin(spec.name);
      if (origin.line == 0) origin = component.origin;
      problems.push_back({std::move(origin), prefix + std::string(spec.name), std::move(*reason)});
    }
  }
}

template <class Component>
void examine(const Component& component, const std::string& prefix,
             std::vector<ConfigProblem>& problems) {
  const std::size_t before = problems.size();
  examine_paths(component, prefix, problems);
  // What is not there need not be said twice.
  if (component.type->examine == nullptr || problems.size() > before) return;
  for (std::string& reason : component.type->examine(component.config)) {
    problems.push_back({.origin = component.origin,
                        .key = prefix.substr(0, prefix.size() - 1),
                        .reason = std::move(reason)});
  }
}

}  // namespace

std::vector<ConfigProblem> examine_host(const AgentConfig& agent) {
  std::vector<ConfigProblem> problems;
  const auto prefix = [&agent](ConfigSection section, const std::string& name) {
    return fmt::format("{}.{}.{}.", agent.name, plural_of(section), name);
  };
  for (const ChannelConfig& channel : agent.channels) {
    examine(channel, prefix(ConfigSection::kChannels, channel.name), problems);
  }
  for (const SourceConfig& source : agent.sources) {
    examine(source, prefix(ConfigSection::kSources, source.name), problems);
  }
  for (const SinkConfig& sink : agent.sinks) {
    examine(sink, prefix(ConfigSection::kSinks, sink.name), problems);
  }
  if (auto reason = too_few_open_files(agent, open_files_max())) {
    problems.push_back({{}, agent.name + ".sources", std::move(*reason), true});
  }
  return problems;
}

}  // namespace spillway::agent
