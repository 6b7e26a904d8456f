#include "agent/config_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "agent/option_value.h"
#include "agent/suggestion.h"

namespace spillway::agent {
namespace {

constexpr std::array kKinds{ConfigSection::kChannels, ConfigSection::kSources,
                            ConfigSection::kSinks, ConfigSection::kSinkGroups};

constexpr std::array<std::string_view, kConfigSections> kPlurals{"channels", "sources", "sinks",
                                                                 "sinkgroups"};
constexpr std::array<std::string_view, kConfigSections> kSingulars{"channel", "source", "sink",
                                                                   "sink group"};
// Beyond that a suggestion is not worth its time.
constexpr std::size_t kCandidatesMax = 100;
constexpr std::string_view kBlanks = " \t\n\r\f\v";

struct Listed {
  std::vector<std::string> names;
  std::set<std::string, std::less<>> known;  // the same names
  ConfigOrigin origin;
};

struct Written {
  Config::Values values;
  ConfigOrigin origin;
};

/// The option without which a component is none.
std::string_view first_option(ConfigSection section) {
  return section == ConfigSection::kSinkGroups ? "sinks" : "type";
}

/// First part of `rest`, which loses it and the dot behind it.
std::string_view take_part(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('.'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

std::optional<ConfigSection> kind_of(std::string_view plural) {
  for (const ConfigSection section : kKinds) {
    if (plural_of(section) == plural) return section;
  }
  return std::nullopt;
}

class TreeBuilder {
 public:
  TreeBuilder(std::string_view agent_name, std::vector<ConfigProblem>& problems)
      : agent_name_(agent_name), problems_(problems) {}

  void add(const Property& property) {
    std::string_view rest = property.key;
    const std::string_view agent = take_part(rest);
    if (agent.empty() || rest.empty()) {
      refuse(property, "a key begins with an agent's name: <agent>.sources = …");
      return;
    }
    if (agent != agent_name_) return;
    if (origin_.line == 0) origin_ = property.origin;
    if (is_duplicate(property)) return;
    const std::string_view plural = take_part(rest);
    const std::optional<ConfigSection> section = kind_of(plural);
    if (!section) {
      refuse(property, fmt::format("{} is none of sources, channels, sinks, sinkgroups{}",
                                   in_quotes(plural), did_you_mean(nearest(plural, kPlurals))));
    } else if (property.key.size() == agent.size() + 1 + plural.size()) {
      add_list(*section, property);
    } else {
      add_option(*section, property, rest);
    }
  }

  ConfigTree finish() {
    ConfigTree tree;
    tree.origin = origin_;
    for (const ConfigSection section : kKinds) {
      collect(section, tree.components[static_cast<std::size_t>(section)]);
      report_unlisted(section);
      tree.listed[static_cast<std::size_t>(section)] = std::move(listed(section).names);
    }
    return tree;
  }

 private:
  Listed& listed(ConfigSection section) { return listed_[static_cast<std::size_t>(section)]; }
  auto& written(ConfigSection section) { return written_[static_cast<std::size_t>(section)]; }

  bool is_duplicate(const Property& property) {
    const auto [first, is_new] = first_lines_.emplace(property.key, property.origin);
    if (is_new) return false;
    refuse(property,
           fmt::format("is defined twice; the first definition is in line {}", first->second.line));
    return true;
  }

  void add_list(ConfigSection section, const Property& property) {
    Listed& list = listed(section);
    list.origin = property.origin;
    for (std::string& name : split_words(property.value)) {
      if (name.find('.') != std::string::npos) {
        refuse(property, fmt::format("the name {} contains a dot", in_quotes(name)));
      } else if (!list.known.insert(name).second) {
        refuse(property, fmt::format("{} is listed twice", in_quotes(name)));
      } else {
        list.names.push_back(std::move(name));
      }
    }
    if (list.names.empty()) refuse(property, "lists no name; add one, or remove the key");
  }

  void add_option(ConfigSection section, const Property& property, std::string_view rest) {
    const std::string_view name = take_part(rest);
    if (name.empty() || rest.empty()) {
      refuse(property, fmt::format("a {0}'s key has a name and an option: {1}.{2}.<name>.<option>",
                                   singular_of(section), agent_name_, plural_of(section)));
      return;
    }
    const auto [at, is_new] = written(section).emplace(name, Written{});
    if (is_new || rest == first_option(section)) at->second.origin = property.origin;
    at->second.values.emplace(rest, Config::Value{trimmed(property.value), property.origin});
  }

  void collect(ConfigSection section, std::vector<ComponentTree>& components) {
    for (const std::string& name : listed(section).names) {
      const auto at = written(section).find(name);
      if (at == written(section).end()) {
        problems_.push_back(
            {listed(section).origin, list_key(section),
             fmt::format("{} is listed and not configured; write {}.{}.{} = …", in_quotes(name),
                         list_key(section), name, first_option(section))});
        continue;
      }
      components.push_back({name, fmt::format("{}.{}.", list_key(section), name), at->second.origin,
                            at->second.values});
    }
  }

  void report_unlisted(ConfigSection section) {
    std::vector<std::string_view> candidates;  // listed, but with nothing written for them
    for (const std::string& candidate : listed(section).names) {
      if (candidates.size() == kCandidatesMax) break;
      if (!written(section).contains(candidate)) candidates.push_back(candidate);
    }
    for (const auto& [name, component] : written(section)) {
      if (listed(section).known.contains(name)) continue;
      problems_.push_back(
          {component.origin, fmt::format("{}.{}", list_key(section), name),
           fmt::format("is configured and not listed; add {} to {}{}", in_quotes(name),
                       list_key(section), did_you_mean(nearest(name, candidates)))});
    }
  }

  [[nodiscard]] std::string list_key(ConfigSection section) const {
    return fmt::format("{}.{}", agent_name_, plural_of(section));
  }

  void refuse(const Property& property, std::string reason) {
    problems_.push_back({property.origin, property.key, std::move(reason)});
  }

  std::string_view agent_name_;
  ConfigOrigin origin_;
  std::vector<ConfigProblem>& problems_;
  std::map<std::string, ConfigOrigin, std::less<>> first_lines_;
  std::array<Listed, kConfigSections> listed_;
  std::array<std::map<std::string, Written, std::less<>>, kConfigSections> written_;
};

}  // namespace

std::string_view plural_of(ConfigSection section) {
  return kPlurals[static_cast<std::size_t>(section)];
}

std::string_view singular_of(ConfigSection section) {
  return kSingulars[static_cast<std::size_t>(section)];
}

std::vector<std::string> agent_names(const std::vector<Property>& properties) {
  std::set<std::string, std::less<>> names;
  for (const Property& property : properties) {
    const std::size_t end = property.key.find('.');
    if (end != std::string::npos && end > 0) names.emplace(property.key.substr(0, end));
  }
  return {names.begin(), names.end()};
}

ConfigTree build_config_tree(const std::vector<Property>& properties, std::string_view agent_name,
                             std::vector<ConfigProblem>& problems) {
  TreeBuilder builder(agent_name, problems);
  for (const Property& property : properties) builder.add(property);
  return builder.finish();
}

}  // namespace spillway::agent
