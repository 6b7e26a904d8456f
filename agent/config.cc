#include "agent/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/option_value.h"
#include "agent/suggestion.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

bool is_wildcard(const OptionSpec& spec) {
  return spec.name.ends_with(".*");
}

std::string_view prefix_of(const OptionSpec& spec) {
  return spec.name.substr(0, spec.name.size() - 1);
}

bool has_notice(const OptionSpec& spec, std::string_view text) {
  return !spec.notice.empty() &&
         (spec.notice_value.empty() || to_lower(text) == to_lower(spec.notice_value));
}

std::string_view nearest_option(std::span<const OptionSpec> specs, std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(specs.size());
  for (const OptionSpec& spec : specs) {
    if (!is_wildcard(spec)) names.push_back(spec.name);
  }
  return nearest(name, names);
}

std::string default_text(const OptionSpec& spec) {
  if (spec.type == OptionType::kEnum) return to_lower(spec.default_value);
  return std::string(spec.default_value);
}

/// Flume's `key =` is no value; here it is one where it is what the option has anyway.
bool is_empty_by_default(const OptionSpec& spec) {
  const bool is_text = spec.type == OptionType::kString || spec.type == OptionType::kPath ||
                       spec.type == OptionType::kList;
  return is_text && !spec.is_required && !is_wildcard(spec) && spec.default_value.empty();
}

bool has_key_below(const Config::Values& values, std::string_view prefix) {
  const auto at = values.upper_bound(prefix);
  return at != values.end() && at->first.starts_with(prefix);
}

}  // namespace

bool has_errors(const std::vector<ConfigProblem>& problems) {
  return std::any_of(problems.begin(), problems.end(),
                     [](const ConfigProblem& problem) { return !problem.is_notice; });
}

std::string to_string(const ConfigProblem& problem) {
  std::string place = problem.origin.file;
  if (problem.origin.line != 0) place += fmt::format(":{}", problem.origin.line);
  if (!place.empty()) place += ": ";
  if (!problem.key.empty()) place += problem.key + ": ";
  return place + (problem.is_notice ? "notice: " : "") + problem.reason;
}

const OptionSpec* find_option(std::span<const OptionSpec> specs, std::string_view name) {
  for (const OptionSpec& spec : specs) {
    if (spec.name == name) return &spec;
  }
  for (const OptionSpec& spec : specs) {
    if (!is_wildcard(spec)) continue;
    const std::string_view prefix = prefix_of(spec);
    if (name.size() > prefix.size() && name.starts_with(prefix)) return &spec;
  }
  return nullptr;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the values are moved out of it
Config Config::validate(std::span<const OptionSpec> specs, Values given,
                        std::string_view key_prefix, const ConfigOrigin& origin,
                        std::vector<ConfigProblem>& problems) {
  const auto full_key = [key_prefix](std::string_view name) {
    return fmt::format("{}{}", key_prefix, name);
  };
  Config config;
  config.specs_ = specs;
  for (auto& [name, value] : given) {
    const OptionSpec* const spec = find_option(specs, name);
    if (spec == nullptr) {
      const std::string_view near = nearest_option(specs, name);
      problems.push_back({value.origin, full_key(name), "unknown option" + did_you_mean(near)});
      continue;
    }
    if (value.text.empty() && is_empty_by_default(*spec)) continue;
    if (std::optional<std::string> reason = refuse_value(*spec, value.text)) {
      problems.push_back({value.origin, full_key(name), std::move(*reason)});
    } else if (has_notice(*spec, value.text)) {
      problems.push_back({value.origin, full_key(name), std::string(spec->notice), true});
    }
    if (spec->type == OptionType::kEnum) value.text = to_lower(value.text);
    config.values_.insert_or_assign(name, std::move(value));
  }
  for (const OptionSpec& spec : specs) {
    const bool is_present = is_wildcard(spec) ? has_key_below(config.values_, prefix_of(spec))
                                              : config.values_.contains(spec.name);
    if (is_present) continue;
    if (spec.is_required) {
      problems.push_back({origin, full_key(spec.name), std::string(kMissingOption)});
    } else if (!is_wildcard(spec)) {
      config.values_.emplace(spec.name, Value{default_text(spec), {}});
    }
  }
  return config;
}

Config Config::of(std::span<const OptionSpec> specs,
                  const std::map<std::string, std::string>& given) {
  Values values;
  for (const auto& [name, text] : given) values.emplace(name, Value{text, {"given", 1}});
  std::vector<ConfigProblem> problems;
  Config config = validate(specs, std::move(values), "", {}, problems);
  CHECK(!has_errors(problems));
  return config;
}

const Config::Value& Config::find(std::string_view name,
                                  std::initializer_list<OptionType> types) const {
  const OptionSpec* const spec = find_option(specs_, name);
  CHECK(spec != nullptr);
  CHECK(std::find(types.begin(), types.end(), spec->type) != types.end());
  const auto at = values_.find(name);
  CHECK(at != values_.end());
  return at->second;
}

const std::string& Config::string(std::string_view name) const {
  return find(name, {OptionType::kString, OptionType::kPath, OptionType::kEnum}).text;
}

std::uint64_t Config::bytes(std::string_view name) const {
  const std::optional<std::uint64_t> value = parse_bytes(find(name, {OptionType::kBytes}).text);
  CHECK(value.has_value());
  return *value;
}

std::uint64_t Config::millis(std::string_view name) const {
  const Value& found = find(name, {OptionType::kMillis, OptionType::kSeconds});
  const bool is_seconds = find_option(specs_, name)->type == OptionType::kSeconds;
  const std::optional<std::uint64_t> value = parse_millis(found.text, is_seconds ? 1000 : 1);
  CHECK(value.has_value());
  return *value;
}

std::uint64_t Config::count(std::string_view name) const {
  const std::optional<std::uint64_t> value = parse_count(find(name, {OptionType::kCount}).text);
  CHECK(value.has_value());
  return *value;
}

bool Config::boolean(std::string_view name) const {
  const std::optional<bool> value = parse_bool(find(name, {OptionType::kBool}).text);
  CHECK(value.has_value());
  return *value;
}

std::vector<std::string> Config::list(std::string_view name) const {
  return split_words(find(name, {OptionType::kList}).text);
}

bool Config::is_given(std::string_view name) const {
  const auto at = values_.find(name);
  return at != values_.end() && at->second.origin.line != 0;
}

ConfigOrigin Config::origin(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? ConfigOrigin{} : at->second.origin;
}

std::vector<std::string> Config::differences(const Config& other) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : values_) {
    const auto at = other.values_.find(name);
    if (at == other.values_.end() || at->second.text != value.text) names.push_back(name);
  }
  for (const auto& [name, value] : other.values_) {
    if (!values_.contains(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::pair<std::string, std::string>> Config::below(std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> found;
  for (auto at = values_.upper_bound(prefix); at != values_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    if (at->second.origin.line == 0) continue;  // a default
    found.emplace_back(at->first.substr(prefix.size()), at->second.text);
  }
  return found;
}

}  // namespace spillway::agent
