#include "agent/agent_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "agent/config_rules.h"
#include "agent/config_tree.h"
#include "agent/option_value.h"
#include "agent/runner_options.h"
#include "agent/suggestion.h"
#include "agent/type_lookup.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kReplicatingClass =
    "org.apache.flume.channel.ReplicatingChannelSelector";
bool is_near_runner_option(std::string_view key, std::span<const OptionSpec> runner,
                           std::span<const OptionSpec> own) {
  std::vector<std::string_view> names;
  for (const OptionSpec& spec : own) names.push_back(spec.name);
  for (const OptionSpec& spec : runner) names.push_back(spec.name);
  return find_option(runner, nearest(key, names)) != nullptr;
}

/// Keys of the runner are taken out of `values`. An unknown key goes where the name it was meant
/// to be is, so that the message can suggest it.
Config::Values take_runner_values(Config::Values& values, std::span<const OptionSpec> runner,
                                  std::span<const OptionSpec> own) {
  Config::Values taken;
  for (auto at = values.begin(); at != values.end();) {
    const bool is_runner =
        find_option(runner, at->first) != nullptr ||
        (find_option(own, at->first) == nullptr && is_near_runner_option(at->first, runner, own));
    if (!is_runner) {
      ++at;
      continue;
    }
    taken.insert(values.extract(at++));
  }
  return taken;
}

ConfigProblem missing_agent(const std::vector<std::string>& files, std::string_view agent_name,
                            const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  std::string reason = fmt::format("no agent {} is configured", in_quotes(agent_name));
  if (names.empty()) {
    reason += "; there are no keys at all";
  } else {
    reason += fmt::format("; there is: {}{}", fmt::join(names, ", "),
                          did_you_mean(nearest(agent_name, candidates)));
  }
  return {{files.empty() ? std::string{} : files.front(), 0}, "", reason};
}

class AgentBuilder {
 public:
  AgentBuilder(const ConfigTree& tree, std::vector<ConfigProblem>& problems)
      : tree_(tree), problems_(problems) {}

  AgentConfig build(std::string_view name) {
    agent_.name = name;
    for (const ComponentTree& tree : tree_.of(ConfigSection::kChannels)) add_channel(tree);
    for (const ComponentTree& tree : tree_.of(ConfigSection::kSources)) add_source(tree);
    for (const ComponentTree& tree : tree_.of(ConfigSection::kSinks)) add_sink(tree);
    return std::move(agent_);
  }

 private:
  /// What was written of one component, checked; `type` is nullptr when there was a problem.
  template <class Type>
  struct Checked {
    const Type* type = nullptr;
    Config config;
    Config runner;
  };

  template <class Type>
  Checked<Type> check(ConfigSection section, const ComponentTree& tree, Config::Values values,
                      std::span<const OptionSpec> runner_options) {
    const std::size_t before = problems_.size();
    Checked<Type> checked;
    const auto written_type = values.find("type");
    if (written_type != values.end() && !written_type->second.text.empty()) {
      checked.type = find_type<Type>(written_type->second.text);
      if (checked.type == nullptr) {
        problems_.push_back({written_type->second.origin, tree.key_prefix + "type",
                             refuse_type(section, written_type->second.text)});
      }
    }
    const std::span<const OptionSpec> own =
        checked.type == nullptr ? std::span<const OptionSpec>{} : checked.type->options;
    Config::Values runner = take_runner_values(values, runner_options, own);
    checked.runner = Config::validate(runner_options, std::move(runner), tree.key_prefix,
                                      tree.origin, problems_);
    // Without a type nothing is known about the other keys.
    if (checked.type != nullptr) {
      checked.config =
          Config::validate(own, std::move(values), tree.key_prefix, tree.origin, problems_);
    }
    if (has_errors_since(before)) checked.type = nullptr;
    return checked;
  }

  void add_channel(const ComponentTree& tree) {
    auto checked =
        check<ChannelType>(ConfigSection::kChannels, tree, tree.values, channel_runner_options());
    agent_.channels.push_back({tree.name, tree.origin, checked.type, std::move(checked.config)});
  }

  void add_source(const ComponentTree& tree) {
    const std::size_t before = problems_.size();
    Config::Values values = tree.values;
    refuse_interceptors(tree, values);
    check_selector(tree, values);
    auto checked =
        check<SourceType>(ConfigSection::kSources, tree, values, source_runner_options());
    SourceConfig source{
        tree.name, tree.origin, checked.type, std::move(checked.config), std::move(checked.runner),
        {},        {}};
    link_source(tree, source);
    if (has_errors_since(before)) source.type = nullptr;
    agent_.sources.push_back(std::move(source));
  }

  void add_sink(const ComponentTree& tree) {
    const std::size_t before = problems_.size();
    auto checked = check<SinkType>(ConfigSection::kSinks, tree, tree.values, sink_runner_options());
    SinkConfig sink{
        tree.name, tree.origin, checked.type, std::move(checked.config), std::move(checked.runner),
        0};
    if (sink.runner.is_given("channel")) link_sink(tree, sink);
    if (has_errors_since(before)) sink.type = nullptr;
    agent_.sinks.push_back(std::move(sink));
  }

  void link_source(const ComponentTree& tree, SourceConfig& source) {
    if (!source.runner.is_given("channels")) return;
    const std::vector<std::string> names = source.runner.list("channels");
    const std::vector<std::string> optional = source.runner.list("selector.optional");
    std::set<std::string, std::less<>> seen;
    for (const std::string& name : names) {
      if (!seen.insert(name).second) {
        refuse(tree, source.runner, "channels", fmt::format("{} is named twice", in_quotes(name)));
        continue;
      }
      const std::optional<std::size_t> index = find_link(tree, source.runner, "channels", name);
      if (!index) continue;
      const bool is_optional = std::find(optional.begin(), optional.end(), name) != optional.end();
      (is_optional ? source.optional_channels : source.required_channels).push_back(*index);
    }
    for (const std::string& name : optional) {
      if (seen.contains(name)) continue;
      refuse(tree, source.runner, "selector.optional",
             fmt::format("{} is none of the source's channels", in_quotes(name)));
    }
  }

  void link_sink(const ComponentTree& tree, SinkConfig& sink) {
    const std::string& name = sink.runner.string("channel");
    if (split_words(name).size() > 1) {
      refuse(tree, sink.runner, "channel",
             fmt::format("{}: a sink takes from exactly one channel", in_quotes(name)));
      return;
    }
    const std::optional<std::size_t> index = find_link(tree, sink.runner, "channel", name);
    if (index) {
      sink.channel = *index;
    } else {
      sink.type = nullptr;
    }
  }

  std::optional<std::size_t> find_link(const ComponentTree& tree, const Config& runner,
                                       std::string_view option, const std::string& name) {
    for (std::size_t i = 0; i < agent_.channels.size(); ++i) {
      if (agent_.channels[i].name == name) return i;
    }
    // Listed and not configured has been said already.
    const std::vector<std::string>& listed =
        tree_.listed[static_cast<std::size_t>(ConfigSection::kChannels)];
    if (std::find(listed.begin(), listed.end(), name) == listed.end() && !name.empty()) {
      const std::vector<std::string_view> candidates(listed.begin(), listed.end());
      refuse(tree, runner, option,
             fmt::format("there is no channel {}{}", in_quotes(name),
                         did_you_mean(nearest(name, candidates))));
    }
    return std::nullopt;
  }

  /// Said once for all keys of the interceptors, which are taken out of `values`.
  void refuse_interceptors(const ComponentTree& tree, Config::Values& values) {
    const std::string reason = "interceptors are not supported yet; this build has none";
    refuse_group(tree, values, {"interceptors", "interceptors."}, reason);
  }

  /// Keys of an unknown selector mean nothing here: they are taken out of `values` too.
  void check_selector(const ComponentTree& tree, Config::Values& values) {
    const auto at = values.find("selector.type");
    if (at == values.end() || at->second.text.empty()) return;
    if (at->second.text == kReplicatingClass) at->second.text = "replicating";
    std::string reason = refuse_selector(at->second.text);
    if (reason.empty()) return;
    refuse_group(tree, values, {"selector.type", "selector."}, reason);
  }

  struct KeyGroup {
    std::string_view key;
    std::string_view prefix;
  };

  /// Said once, at the group's own key if that is written, else at the first one below it.
  void refuse_group(const ComponentTree& tree, Config::Values& values, KeyGroup group,
                    const std::string& reason) {
    auto said = values.find(group.key);
    if (said == values.end()) said = values.lower_bound(group.prefix);
    if (said == values.end() || !said->first.starts_with(group.key)) return;
    problems_.push_back({said->second.origin, tree.key_prefix + said->first, reason});
    std::erase_if(values, [&group](const auto& value) {
      return value.first == group.key || value.first.starts_with(group.prefix);
    });
  }

  void refuse(const ComponentTree& tree, const Config& config, std::string_view option,
              std::string reason) {
    problems_.push_back(
        {config.origin(option), tree.key_prefix + std::string(option), std::move(reason)});
  }

  [[nodiscard]] bool has_errors_since(std::size_t before) const {
    return std::any_of(problems_.begin() + static_cast<std::ptrdiff_t>(before), problems_.end(),
                       [](const ConfigProblem& problem) { return !problem.is_notice; });
  }

  const ConfigTree& tree_;
  std::vector<ConfigProblem>& problems_;
  AgentConfig agent_;
};

}  // namespace

LoadedAgent validate_agent(const ConfigText& text, std::string_view agent_name) {
  LoadedAgent loaded;
  loaded.problems = text.problems;
  const std::vector<std::string> names = agent_names(text.properties);
  if (std::find(names.begin(), names.end(), agent_name) == names.end()) {
    // When nothing could be read, that has been said.
    if (!names.empty() || text.problems.empty()) {
      loaded.problems.push_back(missing_agent(text.files, agent_name, names));
    }
  } else {
    const ConfigTree tree = build_config_tree(text.properties, agent_name, loaded.problems);
    AgentBuilder builder(tree, loaded.problems);
    loaded.agent = builder.build(agent_name);
    check_agent_rules(loaded.agent, tree, loaded.problems);
  }
  sort_problems(text.files, loaded.problems);
  return loaded;
}

LoadedAgent load_agent_config(const std::vector<std::string>& files, std::string_view agent_name) {
  return validate_agent(read_config_files(files), agent_name);
}

}  // namespace spillway::agent
