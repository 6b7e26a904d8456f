#include "agent/config_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "agent/home_path.h"
#include "agent/option_value.h"

namespace spillway::agent {
namespace {

using Problems = std::vector<ConfigProblem>;

constexpr std::string_view kTransaction = "transactionCapacity";

/// A path some component keeps for itself, and the option that says so.
struct OwnedPath {
  std::string path;
  std::string component;  // full key prefix
  std::string_view option;
  ConfigOrigin origin;
};

std::string prefix_of(const AgentConfig& agent, ConfigSection section, std::string_view name) {
  return fmt::format("{}.{}.{}.", agent.name, plural_of(section), name);
}

/// The place of an option's value, or of the component when the value is a default.
template <class Component>
ConfigOrigin place_of(const Component& component, std::string_view option) {
  ConfigOrigin origin = component.config.origin(option);
  return origin.line == 0 ? component.origin : origin;
}

/// Flume spells it batchSize, batch-size, sink.batchSize, flumeBatchSize and maxBatchSize.
std::string_view batch_option(std::span<const OptionSpec> options) {
  for (const OptionSpec& spec : options) {
    std::string name = to_lower(spec.name);
    std::erase(name, '-');
    if (name.ends_with("batchsize")) return spec.name;
  }
  return "type";
}

void check_is_runnable(const AgentConfig& agent, const ConfigTree& tree, Problems& problems) {
  const auto is_listed = [&tree](ConfigSection section) {
    return !tree.listed[static_cast<std::size_t>(section)].empty();
  };
  const auto refuse = [&tree, &problems](std::string key, std::string reason) {
    problems.push_back({tree.origin, std::move(key), std::move(reason)});
  };
  if (!is_listed(ConfigSection::kChannels)) {
    refuse(agent.name + ".channels", "the agent has no channel; list at least one");
  }
  if (!is_listed(ConfigSection::kSources) && !is_listed(ConfigSection::kSinks)) {
    refuse(agent.name, "the agent has neither a source nor a sink");
  }
}

void check_capacity(const AgentConfig& agent, Problems& problems) {
  for (const ChannelConfig& channel : agent.channels) {
    if (channel.type == nullptr) continue;
    const OptionSpec* const spec = find_option(channel.type->options, "capacity");
    const bool has_both = spec != nullptr && spec->notice.empty() &&  // else without effect
                          find_option(channel.type->options, kTransaction) != nullptr;
    if (!has_both) continue;
    const std::uint64_t capacity = channel.config.count("capacity");
    const std::uint64_t transaction = channel.config.count(kTransaction);
    if (transaction <= capacity) continue;
    const bool is_default = channel.config.origin(kTransaction).line == 0;
    const std::string_view option = is_default ? "capacity" : kTransaction;
    problems.push_back(
        {place_of(channel, option),
         prefix_of(agent, ConfigSection::kChannels, channel.name) + std::string(option),
         fmt::format("the {}transactionCapacity of {} is larger than the capacity of {}",
                     is_default ? "default " : "", transaction, capacity)});
  }
}

/// `component` moves up to `batch` events in one transaction of `channel`.
template <class Component>
void check_batch(const AgentConfig& agent, ConfigSection section, const Component& component,
                 const ChannelConfig& channel, Problems& problems) {
  if (component.type == nullptr || channel.type == nullptr) return;
  const std::size_t batch = component.type->batch_size(component.config);
  const std::uint64_t capacity = channel.type->transaction_capacity(channel.config);
  if (batch <= capacity) return;
  const std::string_view option = batch_option(component.type->options);
  problems.push_back(
      {place_of(component, option), prefix_of(agent, section, component.name) + std::string(option),
       fmt::format("a batch of {} events does not fit the transactionCapacity of {} of channel "
                   "\"{}\"; lower the one or raise the other",
                   batch, capacity, channel.name)});
}

void check_batches(const AgentConfig& agent, Problems& problems) {
  for (const SourceConfig& source : agent.sources) {
    for (const std::size_t i : source.required_channels) {
      check_batch(agent, ConfigSection::kSources, source, agent.channels[i], problems);
    }
    for (const std::size_t i : source.optional_channels) {
      check_batch(agent, ConfigSection::kSources, source, agent.channels[i], problems);
    }
  }
  for (const SinkConfig& sink : agent.sinks) {
    if (sink.type == nullptr) continue;  // and then its link may be missing
    check_batch(agent, ConfigSection::kSinks, sink, agent.channels[sink.channel], problems);
  }
}

std::string normal_path(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::size_t end = text.find_last_not_of(" \t/");
  if (end == std::string_view::npos || end < begin) return {};
  // Without a home directory the channel's own create() has the better answer.
  auto path = expand_home(text.substr(begin, end - begin + 1));
  if (!path.has_value()) return {};
  return std::filesystem::path(path.value()).lexically_normal().string();
}

/// Every value of a kPath option; Flume separates several directories by commas.
template <class Component>
std::vector<OwnedPath> paths_of(const Component& component, std::string prefix) {
  std::vector<OwnedPath> paths;
  if (component.type == nullptr) return paths;
  for (const OptionSpec& spec : component.type->options) {
    if (spec.type != OptionType::kPath || spec.name.ends_with(".*")) continue;
    std::string_view rest = component.config.string(spec.name);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      std::string path = normal_path(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (path.empty()) continue;
      paths.push_back({std::move(path), prefix, spec.name, place_of(component, spec.name)});
    }
  }
  return paths;
}

void check_shared_paths(const std::vector<OwnedPath>& paths, bool is_notice, Problems& problems) {
  std::map<std::string_view, const OwnedPath*> owners;
  for (const OwnedPath& path : paths) {
    const OwnedPath& owner = *owners.emplace(path.path, &path).first->second;
    // Within one component it is for create() to say what may coincide.
    if (owner.component == path.component) continue;
    problems.push_back({path.origin, path.component + std::string(path.option),
                        fmt::format("{} belongs to {}{} already", in_quotes(path.path),
                                    owner.component, owner.option),
                        is_notice});
  }
}

void check_paths(const AgentConfig& agent, Problems& problems) {
  std::vector<OwnedPath> owned;
  for (const ChannelConfig& channel : agent.channels) {
    const auto paths = paths_of(channel, prefix_of(agent, ConfigSection::kChannels, channel.name));
    owned.insert(owned.end(), paths.begin(), paths.end());
  }
  check_shared_paths(owned, false, problems);
  owned.clear();
  for (const SourceConfig& source : agent.sources) {
    const auto paths = paths_of(source, prefix_of(agent, ConfigSection::kSources, source.name));
    owned.insert(owned.end(), paths.begin(), paths.end());
  }
  check_shared_paths(owned, true, problems);
}

/// Where a source listens.
struct Listener {
  std::string bind;  // empty: on all addresses
  std::uint64_t port = 0;
  bool is_udp = false;
  const SourceConfig* source = nullptr;
  std::string_view option = {};
};

std::string bind_of(const SourceConfig& source) {
  for (const std::string_view option : {"bind", "host"}) {
    const OptionSpec* const spec = find_option(source.type->options, option);
    if (spec == nullptr || spec->type != OptionType::kString) continue;
    std::string bind = source.config.string(option);
    return bind == "0.0.0.0" || bind == "::" ? std::string{} : bind;
  }
  return {};
}

std::vector<Listener> listeners_of(const SourceConfig& source) {
  std::vector<Listener> listeners;
  if (source.type == nullptr) return listeners;
  Listener listener{.bind = bind_of(source),
                    .is_udp = source.type->name.find("udp") != std::string_view::npos,
                    .source = &source};
  const auto add = [&](std::uint64_t port, std::string_view option) {
    listener.port = port;
    listener.option = option;
    if (port != 0) listeners.push_back(listener);  // 0: the kernel chooses
  };
  const OptionSpec* const one = find_option(source.type->options, "port");
  if (one != nullptr && one->type == OptionType::kCount && source.config.is_given("port")) {
    add(source.config.count("port"), "port");
  }
  const OptionSpec* const several = find_option(source.type->options, "ports");
  if (several != nullptr && several->type == OptionType::kList) {
    for (const std::string& word : source.config.list("ports")) {
      add(parse_count(word).value_or(0), "ports");
    }
  }
  return listeners;
}

void check_ports(const AgentConfig& agent, Problems& problems) {
  std::vector<Listener> seen;
  for (const SourceConfig& source : agent.sources) {
    for (const Listener& listener : listeners_of(source)) {
      const auto owner = std::find_if(seen.begin(), seen.end(), [&listener](const Listener& other) {
        return other.port == listener.port && other.is_udp == listener.is_udp &&
               (other.bind == listener.bind || other.bind.empty() || listener.bind.empty());
      });
      if (owner != seen.end()) {
        problems.push_back(
            {place_of(source, listener.option),
             prefix_of(agent, ConfigSection::kSources, source.name) + std::string(listener.option),
             fmt::format("port {} belongs to the source {} already", listener.port,
                         in_quotes(owner->source->name))});
      }
      seen.push_back(listener);
    }
  }
}

void note_loose_channels(const AgentConfig& agent, Problems& problems) {
  std::vector<bool> is_filled(agent.channels.size(), false);
  std::vector<bool> is_emptied(agent.channels.size(), false);
  for (const SourceConfig& source : agent.sources) {
    for (const std::size_t i : source.required_channels) is_filled[i] = true;
    for (const std::size_t i : source.optional_channels) is_filled[i] = true;
  }
  for (const SinkConfig& sink : agent.sinks) {
    if (sink.type != nullptr) is_emptied[sink.channel] = true;
    if (sink.dead_letters) is_filled[*sink.dead_letters] = true;
    if (sink.dead_letters && sink.has_dead_letter_directory) is_emptied[*sink.dead_letters] = true;
  }
  for (std::size_t i = 0; i < agent.channels.size(); ++i) {
    if (is_filled[i] && is_emptied[i]) continue;
    const std::string_view missing = is_filled[i] ? "no sink takes from this channel: it fills up"
                                     : is_emptied[i] ? "no source puts into this channel"
                                                     : "no source and no sink uses this channel";
    problems.push_back({agent.channels[i].origin,
                        fmt::format("{}.channels.{}", agent.name, agent.channels[i].name),
                        std::string(missing), true});
  }
}

}  // namespace

void check_agent_rules(const AgentConfig& agent, const ConfigTree& tree, Problems& problems) {
  const bool is_wired = !has_errors(problems);
  check_is_runnable(agent, tree, problems);
  check_capacity(agent, problems);
  check_batches(agent, problems);
  check_paths(agent, problems);
  check_ports(agent, problems);
  // A link that was refused makes every channel look loose.
  if (is_wired) note_loose_channels(agent, problems);
}

}  // namespace spillway::agent
