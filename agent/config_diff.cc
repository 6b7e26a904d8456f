#include "agent/config_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <set>
#include <string_view>

namespace spillway::agent {
namespace {

constexpr std::string_view kSpillForce = "spill.force";

template <class Component>
const Component* find(const std::vector<Component>& components, const std::string& name) {
  for (const Component& component : components) {
    if (component.name == name) return &component;
  }
  return nullptr;
}

class Differ {
 public:
  Differ(const AgentConfig& running, const AgentConfig& wanted)
      : running_(running), wanted_(wanted) {}

  ConfigDiff run() {
    for (const ChannelConfig& channel : wanted_.channels) compare(channel);
    for (const SinkConfig& sink : wanted_.sinks) compare(sink);
    for (const SinkGroupConfig& group : wanted_.sink_groups) compare(group);
    for (const SourceConfig& source : wanted_.sources) compare(source);
    note_removed("channels", running_.channels, wanted_.channels);
    note_removed("sinks", running_.sinks, wanted_.sinks);
    note_removed("sinkgroups", running_.sink_groups, wanted_.sink_groups);
    note_removed("sources", running_.sources, wanted_.sources);
    return std::move(diff_);
  }

 private:
  void note(std::string_view section, const std::string& name, std::string_view what) {
    diff_.changes.push_back(fmt::format("{}.{}: {}", section, name, what));
  }

  template <class Component>
  void note_removed(std::string_view section, const std::vector<Component>& before,
                    const std::vector<Component>& after) {
    for (const Component& component : before) {
      if (find(after, component.name) == nullptr) note(section, component.name, "removed");
    }
  }

  /// What differs between two components of one name; empty when nothing does.
  template <class Component>
  static std::vector<std::string> differences(const Component& before, const Component& after) {
    if (before.type != after.type) return {"type"};
    return after.config.differences(before.config);
  }

  void compare(const ChannelConfig& channel) {
    const ChannelConfig* const before = find(running_.channels, channel.name);
    bool is_kept = false;
    if (before == nullptr) {
      note("channels", channel.name, "added");
    } else {
      const std::vector<std::string> changed = differences(*before, channel);
      is_kept = changed.empty();
      if (changed.size() == 1 && changed.front() == kSpillForce) {
        is_kept = true;  // can be switched while the channel runs
        diff_.spill_switches.emplace_back(channel.name, channel.config.boolean(kSpillForce));
      }
      if (!changed.empty()) {
        note("channels", channel.name, fmt::format("{}", fmt::join(changed, ", ")));
      }
    }
    diff_.kept_channels.push_back(is_kept);
    if (is_kept) kept_channels_.insert(channel.name);
  }

  void compare(const SinkConfig& sink) {
    const SinkConfig* const before = find(running_.sinks, sink.name);
    bool is_kept = false;
    if (before == nullptr) {
      note("sinks", sink.name, "added");
    } else {
      std::vector<std::string> changed = differences(*before, sink);
      for (std::string& name : sink.runner.differences(before->runner)) {
        // Names of one type differ only in how they are written.
        if (name != "type" && name != "config") changed.push_back(std::move(name));
      }
      const std::string& channel = wanted_.channels[sink.channel].name;
      if (changed.empty() && !kept_channels_.contains(channel)) changed.push_back("its channel");
      if (changed.empty() && sink.dead_letters &&
          !kept_channels_.contains(wanted_.channels[*sink.dead_letters].name)) {
        changed.push_back("its dead letters");
      }
      is_kept = changed.empty();
      if (!is_kept) note("sinks", sink.name, fmt::format("{}", fmt::join(changed, ", ")));
    }
    diff_.kept_sinks.push_back(is_kept);
    if (is_kept) kept_sinks_.insert(sink.name);
  }

  static std::vector<std::string> names_of(const AgentConfig& agent, const SinkGroupConfig& group) {
    std::vector<std::string> names;
    for (const std::size_t index : group.sinks) names.push_back(agent.sinks[index].name);
    return names;
  }

  void compare(const SinkGroupConfig& group) {
    const SinkGroupConfig* const before = find(running_.sink_groups, group.name);
    bool is_kept = false;
    if (before == nullptr) {
      note("sinkgroups", group.name, "added");
    } else {
      const std::vector<std::string> names = names_of(wanted_, group);
      const bool is_same =
          differences(*before, group).empty() && names == names_of(running_, *before);
      if (!is_same) note("sinkgroups", group.name, "changed");
      is_kept = is_same && std::all_of(names.begin(), names.end(), [this](const auto& name) {
                  return kept_sinks_.contains(name);
                });
    }
    diff_.kept_groups.push_back(is_kept);
  }

  void compare(const SourceConfig& source) {
    const SourceConfig* const before = find(running_.sources, source.name);
    bool is_kept = false;
    bool has_flow_changed = false;
    if (before == nullptr) {
      note("sources", source.name, "added");
    } else {
      std::vector<std::string> changed = differences(*before, source);
      for (const std::string& name : source.runner.differences(before->runner)) {
        if (!is_flow_option(name)) changed.push_back(name);
      }
      is_kept = changed.empty();
      const std::vector<std::string> flow = flow_differences(*before, source);
      has_flow_changed = is_kept && !flow.empty();
      changed.insert(changed.end(), flow.begin(), flow.end());
      if (!changed.empty()) {
        note("sources", source.name, fmt::format("{}", fmt::join(changed, ", ")));
      }
    }
    diff_.kept_sources.push_back(is_kept);
    diff_.has_flow_changed.push_back(has_flow_changed);
  }

  /// Compared by meaning, in flow_differences(); or without one for what runs.
  static bool is_flow_option(std::string_view name) {
    return name == "type" || name == "config" || name == "channels" ||
           name.starts_with("selector.") || name == "interceptors" ||
           name.starts_with("interceptors.");
  }

  [[nodiscard]] std::vector<std::string> flow_differences(const SourceConfig& before,
                                                          const SourceConfig& after) const {
    std::vector<std::string> changed;
    const std::vector<std::string> names = names_of(wanted_, after.channels);
    if (names != names_of(running_, before.channels)) {
      changed.emplace_back("channels");
    } else if (!are_kept(after)) {
      changed.emplace_back("its channels");
    }
    if (before.selector.type != after.selector.type ||
        !after.selector.config.differences(before.selector.config).empty()) {
      changed.emplace_back("selector");
    }
    if (!is_same_chain(before, after)) changed.emplace_back("interceptors");
    return changed;
  }

  static std::vector<std::string> names_of(const AgentConfig& agent,
                                           const std::vector<std::size_t>& channels) {
    std::vector<std::string> names;
    for (const std::size_t index : channels) names.push_back(agent.channels[index].name);
    return names;
  }

  /// All channels of the source, those of its interceptors too.
  [[nodiscard]] bool are_kept(const SourceConfig& source) const {
    const auto is_kept = [this](std::size_t index) {
      return kept_channels_.contains(wanted_.channels[index].name);
    };
    return std::all_of(source.channels.begin(), source.channels.end(), is_kept) &&
           std::all_of(source.interceptors.begin(), source.interceptors.end(),
                       [&is_kept](const InterceptorConfig& interceptor) {
                         return !interceptor.rejected_channel ||
                                is_kept(*interceptor.rejected_channel);
                       });
  }

  [[nodiscard]] bool is_same_chain(const SourceConfig& before, const SourceConfig& after) const {
    return std::equal(
        before.interceptors.begin(), before.interceptors.end(), after.interceptors.begin(),
        after.interceptors.end(), [this](const InterceptorConfig& a, const InterceptorConfig& b) {
          if (a.name != b.name || !differences(a, b).empty()) return false;
          if (a.rejected_channel.has_value() != b.rejected_channel.has_value()) return false;
          return !a.rejected_channel || running_.channels[*a.rejected_channel].name ==
                                            wanted_.channels[*b.rejected_channel].name;
        });
  }

  const AgentConfig& running_;
  const AgentConfig& wanted_;
  std::set<std::string, std::less<>> kept_channels_;
  std::set<std::string, std::less<>> kept_sinks_;
  ConfigDiff diff_;
};

}  // namespace

ConfigDiff diff_configs(const AgentConfig& running, const AgentConfig& wanted) {
  return Differ(running, wanted).run();
}

}  // namespace spillway::agent
