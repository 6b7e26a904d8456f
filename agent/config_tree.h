// ConfigTree: the properties of one agent, sorted into Flume's shape.
//
// `<agent>.<section> = name name` is a list, `<agent>.<section>.<name>.<option> = value` belongs to
// a component. Reports what contradicts that shape: unknown sections, keys defined twice, names
// listed twice, listed and not configured, configured and not listed. Types and options are not its
// business.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "agent/properties.h"

namespace spillway::agent {

enum class ConfigSection : std::uint8_t { kChannels, kSources, kSinks, kSinkGroups };
inline constexpr std::size_t kConfigSections = 4;

/// "channels", "sources", "sinks", "sinkgroups": the word in the keys.
std::string_view plural_of(ConfigSection section);
/// "channel", "source", "sink", "sink group": the word in the messages.
std::string_view singular_of(ConfigSection section);

/// One listed component with everything that was written below its name.
struct ComponentTree {
  std::string name;
  std::string key_prefix;  // "a1.channels.c1."
  ConfigOrigin origin;     // of `type` (a group's `sinks`), else of its first key
  Config::Values values;
};

struct ConfigTree {
  ConfigOrigin origin;                                                 // of the agent's first key
  std::array<std::vector<ComponentTree>, kConfigSections> components;  // in the order of the lists
  std::array<std::vector<std::string>, kConfigSections> listed;        // configured or not

  [[nodiscard]] const std::vector<ComponentTree>& of(ConfigSection section) const {
    return components[static_cast<std::size_t>(section)];
  }
};

/// Everything before the first dot of every key, sorted, each once.
std::vector<std::string> agent_names(const std::vector<Property>& properties);

/// Keys of other agents are left alone; keys that belong to no agent are reported.
ConfigTree build_config_tree(const std::vector<Property>& properties, std::string_view agent_name,
                             std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
