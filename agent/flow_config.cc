#include "agent/flow_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/runner_options.h"
#include "agent/suggestion.h"
#include "agent/type_lookup.h"

namespace spillway::agent {
namespace {

using Problems = std::vector<ConfigProblem>;

bool has_errors_since(const Problems& problems, std::size_t before) {
  return std::any_of(problems.begin() + static_cast<std::ptrdiff_t>(before), problems.end(),
                     [](const ConfigProblem& problem) { return !problem.is_notice; });
}

/// The values whose keys begin with `prefix`, without it.
Config::Values values_below(const Config::Values& values, std::string_view prefix) {
  Config::Values below;
  for (auto at = values.upper_bound(prefix); at != values.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    below.emplace(at->first.substr(prefix.size()), at->second);
  }
  return below;
}

/// Takes `type` out of `values`; `fallback` when it is missing or empty.
Config::Value take_type(Config::Values& values, std::string_view fallback,
                        const ConfigOrigin& origin) {
  Config::Value type{std::string(fallback), origin};
  if (auto node = values.extract("type"); !node.empty() && !node.mapped().text.empty()) {
    type = std::move(node.mapped());
  }
  return type;
}

void report(const std::vector<OptionProblem>& found, const Config& config,
            std::string_view key_prefix, const ConfigOrigin& origin, Problems& problems) {
  for (const OptionProblem& problem : found) {
    ConfigOrigin place = config.origin(problem.option);
    if (place.line == 0) place = origin;
    problems.push_back(
        {std::move(place), fmt::format("{}{}", key_prefix, problem.option), problem.reason});
  }
}

/// Checks the names in one list of channels; an empty mapping would drop what it names.
void check_channel_list(const std::vector<std::string>& names, const std::string& option,
                        const std::vector<std::string>& channels,
                        std::vector<OptionProblem>& problems) {
  const std::vector<std::string_view> known(channels.begin(), channels.end());
  std::set<std::string, std::less<>> seen;
  for (const std::string& name : names) {
    if (std::find(channels.begin(), channels.end(), name) == channels.end()) {
      problems.push_back(
          {option, fmt::format("{} is none of the source's channels{}", in_quotes(name),
                               did_you_mean(nearest(name, known)))});
    } else if (!seen.insert(name).second) {
      problems.push_back({option, fmt::format("{} is named twice", in_quotes(name))});
    }
  }
  if (names.empty() && option.starts_with("mapping.")) {
    problems.push_back({option, "names no channel; remove the key, and `default` applies"});
  }
}

std::vector<OptionProblem> check_channel_options(const SelectorType& type, const Config& config,
                                                 const std::vector<std::string>& channels) {
  std::vector<OptionProblem> problems;
  for (const std::string_view option : type.channel_options) {
    if (!option.ends_with(".*")) {
      check_channel_list(config.list(option), std::string(option), channels, problems);
      continue;
    }
    const std::string_view prefix = option.substr(0, option.size() - 1);
    for (const auto& [value, names] : config.below(prefix)) {
      check_channel_list(split_words(names), fmt::format("{}{}", prefix, value), channels,
                         problems);
    }
  }
  return problems;
}

InterceptorConfig read_interceptor(const std::string& name, Config::Values values,
                                   const std::string& key_prefix, Problems& problems) {
  InterceptorConfig read;
  read.name = name;
  const std::size_t before = problems.size();
  const auto written = values.find("type");
  read.origin = written == values.end() ? values.begin()->second.origin : written->second.origin;
  if (written != values.end() && !written->second.text.empty()) {
    read.type = find_interceptor(written->second.text);
    if (read.type == nullptr) {
      problems.push_back(
          {read.origin, key_prefix + "type", refuse_interceptor(written->second.text)});
    }
  }
  Config::Values runner;
  for (auto at = values.begin(); at != values.end();) {
    const bool is_runner = find_option(interceptor_runner_options(), at->first) != nullptr;
    const auto next = std::next(at);
    if (is_runner) runner.insert(values.extract(at));
    at = next;
  }
  read.runner = Config::validate(interceptor_runner_options(), std::move(runner), key_prefix,
                                 read.origin, problems);
  if (read.type == nullptr) return read;  // nothing is known about the other keys
  read.config =
      Config::validate(read.type->options, std::move(values), key_prefix, read.origin, problems);
  if (read.runner.is_given("rejectedChannel") && !read.type->can_drop) {
    problems.push_back(
        {read.runner.origin("rejectedChannel"), key_prefix + "rejectedChannel",
         fmt::format("{} drops no events: there is nothing to send", in_quotes(read.type->name))});
  }
  if (!has_errors_since(problems, before) && read.type->check != nullptr) {
    report(read.type->check(read.config), read.config, key_prefix, read.origin, problems);
  }
  if (has_errors_since(problems, before)) read.type = nullptr;
  return read;
}

}  // namespace

SelectorConfig read_selector(const ComponentTree& source, const std::vector<std::string>& channels,
                             Problems& problems) {
  const std::size_t before = problems.size();
  const std::string key_prefix = source.key_prefix + "selector.";
  Config::Values values = values_below(source.values, "selector.");
  const Config::Value written = take_type(values, "replicating", source.origin);
  SelectorConfig read{.type = find_selector(written.text), .config = {}};
  if (read.type == nullptr) {
    problems.push_back({written.origin, key_prefix + "type", refuse_selector(written.text)});
    return read;
  }
  read.config =
      Config::validate(read.type->options, std::move(values), key_prefix, source.origin, problems);
  if (!has_errors_since(problems, before)) {
    report(check_channel_options(*read.type, read.config, channels), read.config, key_prefix,
           source.origin, problems);
  }
  if (has_errors_since(problems, before)) read.type = nullptr;
  return read;
}

std::vector<InterceptorConfig> read_interceptors(const ComponentTree& source, Problems& problems) {
  std::vector<InterceptorConfig> read;
  std::vector<std::string> names;
  std::vector<std::string_view> not_configured;
  const std::string list_key = source.key_prefix + "interceptors";
  const auto list = source.values.find("interceptors");
  if (list != source.values.end()) names = split_words(list->second.text);

  Config::Values unread = values_below(source.values, "interceptors.");
  std::set<std::string, std::less<>> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) {
      problems.push_back(
          {list->second.origin, list_key, fmt::format("{} is listed twice", in_quotes(name))});
      continue;
    }
    Config::Values own = values_below(unread, name + ".");
    if (own.empty()) {
      problems.push_back({list->second.origin, list_key,
                          fmt::format("{} is listed and not configured; write {}.{}.type = …",
                                      in_quotes(name), list_key, name)});
      not_configured.push_back(name);
      continue;
    }
    std::erase_if(unread, [&](const auto& value) { return value.first.starts_with(name + "."); });
    read.push_back(
        read_interceptor(name, std::move(own), fmt::format("{}.{}.", list_key, name), problems));
  }
  std::set<std::string, std::less<>> reported;
  for (const auto& [key, value] : unread) {
    const std::string name = key.substr(0, key.find('.'));
    if (!reported.insert(name).second) continue;
    problems.push_back({value.origin, fmt::format("{}.{}", list_key, name),
                        fmt::format("is configured and not listed; add {} to {}{}", in_quotes(name),
                                    list_key, did_you_mean(nearest(name, not_configured)))});
  }
  return read;
}

SinkGroupConfig read_sink_group(const ComponentTree& group, const std::vector<std::string>& sinks,
                                Problems& problems) {
  const std::size_t before = problems.size();
  const std::string key_prefix = group.key_prefix + "processor.";
  SinkGroupConfig read;
  read.name = group.name;
  read.origin = group.origin;
  Config::Values values = values_below(group.values, "processor.");
  const Config::Value written = take_type(values, "default", group.origin);
  read.type = find_sink_processor(written.text);
  if (read.type == nullptr) {
    problems.push_back({written.origin, key_prefix + "type", refuse_sink_processor(written.text)});
    return read;
  }
  read.config =
      Config::validate(read.type->options, std::move(values), key_prefix, group.origin, problems);
  if (!has_errors_since(problems, before) && read.type->check != nullptr) {
    report(read.type->check(read.config, sinks), read.config, key_prefix, written.origin, problems);
  }
  if (has_errors_since(problems, before)) read.type = nullptr;
  return read;
}

}  // namespace spillway::agent
