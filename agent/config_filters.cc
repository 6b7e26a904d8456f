#include "agent/config_filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "agent/option_value.h"
#include "agent/suggestion.h"
#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kSection = "configfilters";
constexpr std::string_view kKeyBytes =
    "-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

struct FilterCall {
  std::string filter;
  std::string key;
};

/// `f['key']`, `f["key"]` or `f[key]`.
std::optional<FilterCall> parse_call(std::string_view name) {
  const std::size_t open = name.find('[');
  if (open == std::string_view::npos || open == 0 || !name.ends_with(']')) return std::nullopt;
  std::string_view key = name.substr(open + 1, name.size() - open - 2);
  for (const char quote : {'\'', '"'}) {
    if (key.size() >= 2 && key.front() == quote && key.back() == quote) {
      key = key.substr(1, key.size() - 2);
      break;
    }
  }
  if (key.empty() || key.find_first_not_of(kKeyBytes) != std::string_view::npos) {
    return std::nullopt;
  }
  return FilterCall{std::string(name.substr(0, open)), std::string(key)};
}

std::string in_utf8(const std::string& text, bool is_latin) {
  if (!is_latin) return text;
  std::string out;
  for (const char c : text) append_utf8(static_cast<unsigned char>(c), out);
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string option_of(const std::map<std::string, Property, std::less<>>& options,
                      const std::string& key) {
  const auto at = options.find(key);
  if (at == options.end()) return {};
  const auto words = split_words(at->second.value);
  return fmt::format("{}", fmt::join(words, " "));
}

}  // namespace

bool ConfigFilters::is_key_of_one(std::string_view key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string_view::npos || !key.substr(dot + 1).starts_with(kSection)) return false;
  const std::string_view behind = key.substr(dot + 1 + kSection.size());
  return behind.empty() || behind.starts_with('.');
}

ConfigFilters::ConfigFilters(ConfigText& text, const VariableSources& sources)
    : sources_(sources), problems_(text.problems) {
  std::map<std::string, Property, std::less<>> lists;  // by agent
  std::map<std::string, Options, std::less<>> options;
  std::erase_if(text.properties, [&](const Property& property) {
    if (!is_key_of_one(property.key)) return false;
    const std::size_t dot = property.key.find('.');
    const std::string agent = property.key.substr(0, dot);
    const std::string rest = property.key.substr(dot + 1);
    if (rest == kSection) {
      lists.insert_or_assign(agent, property);
    } else {
      options[agent].insert_or_assign(rest.substr(kSection.size() + 1), property);
    }
    return true;
  });
  for (const auto& [agent, list] : lists) add(agent, list, options[agent]);
  for (const auto& [agent, written] : options) {
    for (const auto& [key, property] : written) {
      const std::string name = key.substr(0, key.find('.'));
      const auto at = by_agent_.find(agent);
      if (at != by_agent_.end() && at->second.contains(name)) continue;
      problems_.push_back(
          {property.origin, property.key,
           fmt::format("is of a config filter that {}.{} does not list", agent, kSection)});
    }
  }
}

void ConfigFilters::add(const std::string& agent, const Property& list, const Options& options) {
  for (const std::string& name : split_words(list.value)) {
    Filter filter = read(name + ".", list, options);
    for (const auto& [key, property] : options) {
      if (!key.starts_with(name + ".")) continue;
      const std::string option = key.substr(name.size() + 1);
      if (option == "type" || option == "command" || option == "charset") continue;
      problems_.push_back({property.origin, property.key,
                           "unknown option; a config filter has type, command and charset"});
    }
    by_agent_[agent].insert_or_assign(name, std::move(filter));
  }
}

ConfigFilters::Filter ConfigFilters::read(const std::string& prefix, const Property& list,
                                          const Options& options) {
  const auto refuse = [&](const std::string& option, std::string reason) {
    const auto at = options.find(prefix + option);
    const Property& place = at == options.end() ? list : at->second;
    problems_.push_back({place.origin, list.key + "." + prefix + option, std::move(reason)});
    return Filter{};
  };
  Filter filter;
  filter.origin = list.origin;
  const std::string type = option_of(options, prefix + "type");
  if (type.empty()) return refuse("type", "required option is missing");
  if (to_lower(type) == "env" ||
      type == "org.apache.flume.configfilter.EnvironmentVariableConfigFilter") {
    filter.type = Filter::Type::kEnvironment;
    return filter;
  }
  if (to_lower(type) == "hadoop" ||
      type == "org.apache.flume.configfilter.HadoopCredentialStoreConfigFilter") {
    return refuse(
        "type",
        "\"hadoop\" reads Hadoop's Java key stores, which this build cannot; use external "
        "with a command that prints the value");
  }
  if (to_lower(type) != "external" &&
      type != "org.apache.flume.configfilter.ExternalProcessConfigFilter") {
    return refuse("type", fmt::format("{} is not a config filter; there are env and external",
                                      in_quotes(type)));
  }
  filter.command = split_words(option_of(options, prefix + "command"));
  if (filter.command.empty()) return refuse("command", "required option is missing");
  const std::string charset = to_lower(option_of(options, prefix + "charset"));
  filter.is_latin = charset == "iso-8859-1";
  if (!charset.empty() && !filter.is_latin && charset != "utf-8" && charset != "us-ascii") {
    return refuse("charset",
                  fmt::format("{} is none of UTF-8, US-ASCII, ISO-8859-1", in_quotes(charset)));
  }
  filter.type = Filter::Type::kExternal;
  return filter;
}

Meaning ConfigFilters::look_up(std::string_view agent, const std::string& name) {
  const std::optional<FilterCall> call = parse_call(name);
  if (!call) return {.kind = Meaning::Kind::kForeign};
  const auto filters = by_agent_.find(agent);
  if (filters == by_agent_.end()) {
    return {.text = fmt::format("there is no config filter {}", in_quotes(call->filter))};
  }
  const auto filter = filters->second.find(call->filter);
  if (filter == filters->second.end()) {
    std::vector<std::string_view> names;
    for (const auto& known : filters->second) names.push_back(known.first);
    return {.text = fmt::format("there is no config filter {}{}", in_quotes(call->filter),
                                did_you_mean(nearest(call->filter, names)))};
  }
  const std::string id = fmt::format("{}.{}[{}]", agent, call->filter, call->key);
  if (const auto known = known_.find(id); known != known_.end()) return known->second;
  return known_.emplace(id, ask(filter->second, call->filter, call->key)).first->second;
}

Meaning ConfigFilters::ask(const Filter& filter, const std::string& name,
                           const std::string& key) const {
  if (!sources_.environment) return {.kind = Meaning::Kind::kUnknown};
  const std::string what =
      fmt::format("the config filter {} has no value for {}", in_quotes(name), in_quotes(key));
  std::string value;
  switch (filter.type) {
    case Filter::Type::kWrong:
      return {.text = fmt::format("the config filter {} is refused", in_quotes(name))};
    case Filter::Type::kEnvironment: {
      const std::optional<std::string> found = sources_.environment(key);
      if (!found) return {.text = what};
      value = *found;
      break;
    }
    case Filter::Type::kExternal: {
      std::vector<std::string> argv = filter.command;
      argv.push_back(key);
      const auto printed = sources_.run_program(argv);
      if (!printed.has_value()) return {.text = what + ": " + to_string(printed.error())};
      value = in_utf8(printed.value(), filter.is_latin);
      break;
    }
  }
  if (!is_utf8(value)) return {.text = what + ": it is not text"};
  return {.kind = Meaning::Kind::kText, .text = std::move(value), .is_secret = true};
}

}  // namespace spillway::agent
