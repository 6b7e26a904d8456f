#include "agent/config_text.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>
#include <utility>

#include "agent/tls_defaults.h"
#include "agent/variables.h"
#include "agent/web_address.h"

namespace spillway::agent {
namespace {

bool is_same(const ConfigProblem& a, const ConfigProblem& b) {
  return std::tie(a.origin.file, a.origin.line, a.key, a.reason) ==
         std::tie(b.origin.file, b.origin.line, b.key, b.reason);
}

std::optional<std::string> read_one(const std::string& file, ConfigText& text) {
  if (!is_web_address(file)) return read_properties_text(file, text.problems);
  for (std::string& secret : secrets_of_address(file)) text.secrets.push_back(std::move(secret));
  std::string body;
  const auto why = fetch_address(file, PropertiesLimits{}.file_bytes_max, body);
  if (!why) return body;
  text.problems.push_back({{shown_address(file), 0}, "", "cannot get the configuration: " + *why});
  return std::nullopt;
}

}  // namespace

ConfigText read_config_files(const std::vector<std::string>& files,
                             const VariableSources& sources) {
  ConfigText text;
  for (const std::string& file : files) {
    text.files.push_back(shown_address(file));
    text.texts.push_back(read_one(file, text));
    if (!text.texts.back()) continue;
    std::vector<Property> properties =
        parse_properties(*text.texts.back(), text.files.back(), text.problems);
    std::set<std::string_view> replaced;
    for (const Property& property : properties) replaced.insert(property.key);
    std::erase_if(text.properties, [&replaced](const Property& property) {
      return replaced.contains(property.key);
    });
    std::move(properties.begin(), properties.end(), std::back_inserter(text.properties));
  }
  resolve_variables(text, sources);
  add_tls_defaults(text, sources);
  return text;
}

ConfigText read_config_files(const std::vector<std::string>& files) {
  return read_config_files(files, process_variables({}, false));
}

void sort_problems(const std::vector<std::string>& files, std::vector<ConfigProblem>& problems) {
  const auto rank = [&files](const ConfigProblem& problem) {
    const auto at = std::find(files.begin(), files.end(), problem.origin.file);
    return std::pair(std::distance(files.begin(), at), problem.origin.line);
  };
  std::stable_sort(
      problems.begin(), problems.end(),
      [&rank](const ConfigProblem& a, const ConfigProblem& b) { return rank(a) < rank(b); });
  problems.erase(std::unique(problems.begin(), problems.end(), is_same), problems.end());
}

}  // namespace spillway::agent
