#include "agent/agent_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "agent/config_rules.h"
#include "agent/config_tree.h"
#include "agent/flow_config.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/runner_options.h"
#include "agent/secrets.h"
#include "agent/suggestion.h"
#include "agent/type_lookup.h"

namespace spillway::agent {
namespace {

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
    auto node = values.extract(at++);
    // Below a prefix is a part's: whether it may be empty is for the rows of that part to say.
    const OptionSpec* const spec = find_option(runner, node.key());
    if (node.mapped().text.empty() && spec != nullptr && spec->name.ends_with(".*")) continue;
    taken.insert(std::move(node));
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
    for (const ComponentTree& tree : tree_.of(ConfigSection::kSinkGroups)) add_sink_group(tree);
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
    auto checked =
        check<SourceType>(ConfigSection::kSources, tree, tree.values, source_runner_options());
    SourceConfig source;
    source.name = tree.name;
    source.origin = tree.origin;
    source.type = checked.type;
    source.config = std::move(checked.config);
    source.runner = std::move(checked.runner);
    link_source(tree, source);
    link_interceptors(tree, source);
    if (has_errors_since(before)) source.type = nullptr;
    agent_.sources.push_back(std::move(source));
  }

  void add_sink(const ComponentTree& tree) {
    const std::size_t before = problems_.size();
    auto checked = check<SinkType>(ConfigSection::kSinks, tree, tree.values, sink_runner_options());
    SinkConfig sink;
    sink.name = tree.name;
    sink.origin = tree.origin;
    sink.type = checked.type;
    sink.config = std::move(checked.config);
    sink.runner = std::move(checked.runner);
    if (sink.runner.is_given("channel")) link_sink(tree, sink);
    link_dead_letters(tree, sink);
    if (has_errors_since(before)) sink.type = nullptr;
    agent_.sinks.push_back(std::move(sink));
  }

  void link_source(const ComponentTree& tree, SourceConfig& source) {
    const std::size_t before = problems_.size();
    if (!source.runner.is_given("channels")) return;
    const std::vector<std::string> names = source.runner.list("channels");
    std::set<std::string, std::less<>> seen;
    for (const std::string& name : names) {
      if (!seen.insert(name).second) {
        refuse(tree, source.runner, "channels", fmt::format("{} is named twice", in_quotes(name)));
        continue;
      }
      const std::optional<std::size_t> index =
          find_link(tree.key_prefix + "channels", source.runner.origin("channels"), name);
      if (index) source.channels.push_back(*index);
    }
    source.selector = read_selector(tree, names, problems_);
    if (names.empty() || has_errors_since(before) || source.channels.size() != names.size()) return;
    const auto selector =
        source.selector.type->create({.channels = names, .seed = 1}, source.selector.config);
    const Route reach = selector->reach();
    for (const std::size_t i : reach.required) {
      source.required_channels.push_back(source.channels[i]);
    }
    for (const std::size_t i : reach.optional) {
      source.optional_channels.push_back(source.channels[i]);
    }
  }

  /// Rejected events go to a channel of the agent; the source fails with it as with its own.
  void link_interceptors(const ComponentTree& tree, SourceConfig& source) {
    source.interceptors = read_interceptors(tree, problems_);
    for (InterceptorConfig& interceptor : source.interceptors) {
      if (interceptor.type == nullptr || !interceptor.runner.is_given("rejectedChannel")) continue;
      interceptor.rejected_channel = find_link(
          fmt::format("{}interceptors.{}.rejectedChannel", tree.key_prefix, interceptor.name),
          interceptor.runner.origin("rejectedChannel"),
          interceptor.runner.string("rejectedChannel"));
      if (!interceptor.rejected_channel) continue;
      std::vector<std::size_t>& required = source.required_channels;
      if (std::find(required.begin(), required.end(), *interceptor.rejected_channel) ==
          required.end()) {
        required.push_back(*interceptor.rejected_channel);
      }
    }
  }

  void add_sink_group(const ComponentTree& tree) {
    const std::size_t before = problems_.size();
    const Config shape = Config::validate(sink_group_options(), tree.values, tree.key_prefix,
                                          tree.origin, problems_);
    if (!shape.is_given("sinks")) return;
    const std::vector<std::string> names = shape.list("sinks");
    SinkGroupConfig group = read_sink_group(tree, names, problems_);
    for (const std::string& name : names) {
      if (const std::optional<std::size_t> index = find_member(tree, shape, name)) {
        group.sinks.push_back(*index);
      }
    }
    if (has_errors_since(before)) group.type = nullptr;
    agent_.sink_groups.push_back(std::move(group));
  }

  std::optional<std::size_t> find_member(const ComponentTree& tree, const Config& shape,
                                         const std::string& name) {
    const auto [owner, is_new] = group_of_sink_.emplace(name, tree.name);
    if (!is_new) {
      refuse(tree, shape, "sinks",
             owner->second == tree.name ? fmt::format("{} is named twice", in_quotes(name))
                                        : fmt::format("{} is in the group {} already",
                                                      in_quotes(name), in_quotes(owner->second)));
      return std::nullopt;
    }
    for (std::size_t i = 0; i < agent_.sinks.size(); ++i) {
      if (agent_.sinks[i].name == name) return i;
    }
    refuse_unknown(ConfigSection::kSinks, tree.key_prefix + "sinks", shape.origin("sinks"), name);
    return std::nullopt;
  }

  void link_sink(const ComponentTree& tree, SinkConfig& sink) {
    const std::string& name = sink.runner.string("channel");
    if (split_words(name).size() > 1) {
      refuse(tree, sink.runner, "channel",
             fmt::format("{}: a sink takes from exactly one channel", in_quotes(name)));
      return;
    }
    const std::optional<std::size_t> index =
        find_link(tree.key_prefix + "channel", sink.runner.origin("channel"), name);
    if (index) {
      sink.channel = *index;
    } else {
      sink.type = nullptr;
    }
  }

  void link_dead_letters(const ComponentTree& tree, SinkConfig& sink) {
    constexpr std::string_view kChannel = "deadLetter.channel";
    constexpr std::string_view kDirectory = "deadLetter.directory";
    if (sink.runner.is_given(kDirectory)) {
      if (sink.runner.is_given(kChannel)) {
        refuse(tree, sink.runner, kDirectory, "there is a deadLetter.channel already; keep one");
        return;
      }
      sink.has_dead_letter_directory = true;
      sink.dead_letters = add_dead_letter_channel(tree, sink);
    } else if (sink.runner.is_given(kChannel)) {
      sink.dead_letters = find_link(tree.key_prefix + std::string(kChannel),
                                    sink.runner.origin(kChannel), sink.runner.string(kChannel));
      if (sink.dead_letters && sink.type != nullptr && *sink.dead_letters == sink.channel) {
        refuse(tree, sink.runner, kChannel,
               "the sink takes from this channel: refused events would come round for ever");
      }
    }
  }

  /// A file channel that no list names; its name cannot be that of another.
  std::size_t add_dead_letter_channel(const ComponentTree& tree, const SinkConfig& sink) {
    const std::string& directory = sink.runner.string("deadLetter.directory");
    const ConfigOrigin origin = sink.runner.origin("deadLetter.directory");
    Config::Values values{{"checkpointDir", {directory + "/checkpoint", origin}},
                          {"dataDirs", {directory + "/data", origin}}};
    agent_.channels.push_back(
        {tree.name + ".dead_letters", origin, &kFileChannelType,
         Config::validate(kFileChannelType.options, std::move(values),
                          tree.key_prefix + "deadLetter.", origin, problems_)});
    return agent_.channels.size() - 1;
  }

  std::optional<std::size_t> find_link(std::string key, ConfigOrigin origin,
                                       const std::string& name) {
    for (std::size_t i = 0; i < agent_.channels.size(); ++i) {
      if (agent_.channels[i].name == name) return i;
    }
    refuse_unknown(ConfigSection::kChannels, std::move(key), std::move(origin), name);
    return std::nullopt;
  }

  void refuse_unknown(ConfigSection section, std::string key, ConfigOrigin origin,
                      const std::string& name) {
    // Listed and not configured has been said already.
    const std::vector<std::string>& listed = tree_.listed[static_cast<std::size_t>(section)];
    if (std::find(listed.begin(), listed.end(), name) != listed.end() || name.empty()) return;
    const std::vector<std::string_view> candidates(listed.begin(), listed.end());
    problems_.push_back({std::move(origin), std::move(key),
                         fmt::format("there is no {} {}{}", singular_of(section), in_quotes(name),
                                     did_you_mean(nearest(name, candidates)))});
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
  std::map<std::string, std::string, std::less<>> group_of_sink_;
};

}  // namespace

LoadedAgent validate_agent(const ConfigText& text, std::string_view agent_name) {
  LoadedAgent loaded;
  loaded.problems = text.problems;
  const std::vector<std::string> names = agent_names(text.properties);
  std::erase_if(loaded.problems, [&](const ConfigProblem& problem) {
    const std::string owner = problem.key.substr(0, problem.key.find('.'));
    return owner != agent_name && std::find(names.begin(), names.end(), owner) != names.end();
  });
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
  std::erase_if(loaded.problems, [&text](const ConfigProblem& problem) {
    return text.unknown_keys.contains(problem.key) && problem.reason == kMissingOption;
  });
  hide_secrets(text.secrets, loaded.problems);
  loaded.secrets = text.secrets;
  loaded.texts = text.texts;
  sort_problems(text.files, loaded.problems);
  return loaded;
}

LoadedAgent load_agent_config(const std::vector<std::string>& files, std::string_view agent_name,
                              const VariableSources& sources) {
  return validate_agent(read_config_files(files, sources), agent_name);
}

LoadedAgent load_agent_config(const std::vector<std::string>& files, std::string_view agent_name) {
  return validate_agent(read_config_files(files), agent_name);
}

}  // namespace spillway::agent
