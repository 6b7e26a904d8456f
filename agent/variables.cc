#include "agent/variables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <set>
#include <utility>

#include "agent/config_filters.h"
#include "agent/interpolation.h"
#include "agent/option_value.h"
#include "agent/secrets.h"
#include "agent/suggestion.h"
#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

using Kind = Meaning::Kind;

// Of all values together: a few keys could otherwise fill the memory with one another's values.
constexpr std::size_t kExpandedBytesMax = 64U << 20U;
constexpr std::size_t kChainMax = 100;  // of keys that refer to keys

/// Lookups of Commons Text that have no meaning here.
struct NoLookup {
  std::string_view prefix;
  std::string_view reason;
};
constexpr std::array kNoLookups{
    NoLookup{"java", "${java:…} describes a Java machine, and there is none"},
    NoLookup{"date",
             "${date:…} would change with each look at the file; use a path escape such as "
             "%Y-%m-%d, or ${env:…}"},
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\f\v";
  const std::size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  const std::size_t end = text.find_last_not_of(kBlanks);
  return end == std::string_view::npos ? std::string_view{} : text.substr(begin, end - begin + 1);
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0 || text.front() == '\0') return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_charset(std::string_view word) {
  const std::string lower = to_lower(word);
  return lower == "utf-8" || lower == "us-ascii" || lower == "iso-8859-1";
}

class Resolver {
 public:
  /// `filters`: nullptr for the keys of the filters themselves. `referred_to`: keys known to be.
  Resolver(ConfigText& text, const VariableSources& sources, ConfigFilters* filters,
           std::set<std::string> referred_to)
      : text_(text), sources_(sources), filters_(filters), referred_to_(std::move(referred_to)) {
    for (std::size_t i = 0; i < text_.properties.size(); ++i) {
      by_key_.emplace(text_.properties[i].key, i);
    }
    states_.resize(text_.properties.size());
  }

  void run() {
    for (std::size_t i = 0; i < text_.properties.size(); ++i) resolve(i);
    for (std::size_t i = 0; i < text_.properties.size(); ++i) {
      const Property& property = text_.properties[i];
      if (states_[i].is_secret || is_secret_key(property.key)) {
        add_secret(trimmed(property.value), text_.secrets);
      }
    }
    take_out_variables();
  }

  /// False: property `index` has no value now, which is a problem or known to be unknown.
  bool resolve_one(std::size_t index) {
    resolve(index);
    const State& state = states_[index];
    if (state.is_secret) add_secret(trimmed(text_.properties[index].value), text_.secrets);
    return state.progress == Progress::kDone;
  }

  [[nodiscard]] const std::set<std::string>& referred_to() const { return referred_to_; }

 private:
  enum class Progress : std::uint8_t { kNew, kActive, kDone, kFailed, kUnknown };
  struct State {
    Progress progress = Progress::kNew;
    bool is_secret = false;
  };

  void resolve(std::size_t index) {
    State& state = states_[index];
    if (state.progress != Progress::kNew) return;
    Property& property = text_.properties[index];
    if (property.value.find("${") == std::string::npos) {
      state.progress = Progress::kDone;
      return;
    }
    state.progress = Progress::kActive;
    ++depth_;
    const std::string agent = property.key.substr(0, property.key.find('.'));
    Interpolated done = interpolate(
        property.value, [&](const std::string& name) { return look_up(agent, property, name); });
    --depth_;
    expanded_bytes_ += done.text.size();
    if (done.refusal.empty() && expanded_bytes_ > kExpandedBytesMax) {
      done.refusal = fmt::format("the values of all keys together become larger than {} bytes",
                                 kExpandedBytesMax);
    }
    state.is_secret = done.is_secret;
    if (!done.refusal.empty()) {
      state.progress = Progress::kFailed;
      text_.problems.push_back({property.origin, property.key, std::move(done.refusal)});
    } else if (done.is_unknown) {
      state.progress = Progress::kUnknown;
      text_.unknown_keys.insert(property.key);
    } else {
      state.progress = Progress::kDone;
      property.value = std::move(done.text);
    }
  }

  Meaning look_up(const std::string& agent, const Property& property, const std::string& name) {
    if (name.find('[') != std::string::npos && filters_ == nullptr) {
      return {.text = "the keys of config filters cannot take values from config filters"};
    }
    if (name.find('[') != std::string::npos) {
      Meaning meaning = filters_->look_up(agent, name);
      if (meaning.kind == Kind::kText && meaning.is_secret) {
        add_secret(meaning.text, text_.secrets);
      }
      if (meaning.kind != Kind::kForeign) return meaning;
    }
    const std::size_t colon = name.find(':');
    if (colon != std::string::npos) {
      const std::string prefix = to_lower(name.substr(0, colon));
      const std::string rest = name.substr(colon + 1);
      if (prefix == "env") return look_up_environment(rest);
      if (prefix == "sys") return look_up_system(rest);
      if (prefix == "file") return look_up_file(rest);
      if (prefix == "properties") return look_up_properties(rest);
      for (const NoLookup& none : kNoLookups) {
        if (none.prefix == prefix) return {.text = std::string(none.reason)};
      }
    }
    if (sources_.is_classic) {
      if (!sources_.environment) return {.kind = Kind::kUnknown};
      if (auto value = sources_.environment(name)) return text_of(std::move(*value), false);
    }
    return look_up_key(property, name);
  }

  Meaning look_up_environment(const std::string& name) const {
    if (!sources_.environment) return {.kind = Kind::kUnknown};
    auto value = sources_.environment(name);
    if (!value) {
      return {.text = fmt::format("the environment has no variable {}", in_quotes(name))};
    }
    return text_of(std::move(*value), is_secret_key(name));
  }

  Meaning look_up_system(const std::string& name) const {
    const auto at = sources_.definitions.find(name);
    if (at != sources_.definitions.end()) return text_of(at->second, is_secret_key(name));
    // What every Java machine defines.
    if (name == "file.separator") return text_of("/", false);
    if (name == "path.separator") return text_of(":", false);
    if (name == "os.name") return text_of("Linux", false);
    if (name == "java.io.tmpdir") return text_of("/tmp", false);
    if (name == "user.home") return look_up_environment("HOME");
    if (name == "user.name") return look_up_environment("USER");
    if (name == "user.dir") return look_up_environment("PWD");
    return {.text = fmt::format("there is no system property {}; give it with -D{}=…",
                                in_quotes(name), name)};
  }

  Meaning read_file(const std::string& path) const {
    if (!sources_.environment) return {.kind = Kind::kUnknown};
    auto text = sources_.read_file(path);
    if (!text.has_value()) {
      return {.text = fmt::format("cannot read {}: {}", in_quotes(path), to_string(text.error()))};
    }
    return {.kind = Kind::kText, .text = std::move(text.value())};
  }

  /// `path`, `charset:path` or `path:key`.
  Meaning look_up_file(const std::string& rest) const {
    const std::size_t colon = rest.rfind(':');
    if (colon != std::string::npos) {
      const std::string before = rest.substr(0, colon);
      if (!is_charset(before)) return look_up_in(before, rest.substr(colon + 1));
    }
    Meaning found = read_file(colon == std::string::npos ? rest : rest.substr(colon + 1));
    if (found.kind != Kind::kText) return found;
    while (found.text.ends_with('\n') || found.text.ends_with('\r')) found.text.pop_back();
    return text_of(std::move(found.text), true);
  }

  /// `path::key`, as Commons Text has it.
  Meaning look_up_properties(const std::string& rest) const {
    const std::size_t separator = rest.find("::");
    if (separator == std::string::npos) {
      return {.text = "write ${properties:path::key}"};
    }
    return look_up_in(rest.substr(0, separator), rest.substr(separator + 2));
  }

  Meaning look_up_in(const std::string& path, const std::string& key) const {
    const Meaning found = read_file(path);
    if (found.kind != Kind::kText) return found;
    std::vector<ConfigProblem> ignored;  // of lines that nobody asked for
    for (Property& property : parse_properties(found.text, path, ignored)) {
      if (property.key == key) return text_of(std::string(trimmed(property.value)), true);
    }
    return {.text = fmt::format("there is no key {} in {}", in_quotes(key), in_quotes(path))};
  }

  Meaning look_up_key(const Property& property, const std::string& name) {
    const auto at = by_key_.find(name);
    if (at == by_key_.end()) {
      std::string reason =
          fmt::format("there is no key {}: ${{…}} is left as it is; $${{ says that this is meant",
                      in_quotes(name));
      text_.problems.push_back({property.origin, property.key, std::move(reason), true});
      return {.kind = Kind::kForeign};
    }
    State& state = states_[at->second];
    referred_to_.insert(name);
    if (depth_ > kChainMax) {
      return {.kind = Kind::kRefused,
              .text = fmt::format("more than {} keys refer to one another", kChainMax)};
    }
    resolve(at->second);
    switch (state.progress) {
      case Progress::kDone:
        return text_of(std::string(trimmed(text_.properties[at->second].value)),
                       state.is_secret || is_secret_key(name));
      case Progress::kUnknown:
        return {.kind = Kind::kUnknown};
      case Progress::kFailed:
        return {.kind = Kind::kRefused,
                .text = fmt::format("refers to {}, which has no value", in_quotes(name))};
      default:
        return {.kind = Kind::kRefused,
                .text = fmt::format("refers to itself, by way of {}", in_quotes(name))};
    }
  }

  static Meaning text_of(std::string value, bool is_secret) {
    if (!is_text(value)) return {.kind = Kind::kRefused, .text = "its value is not text"};
    return {.kind = Kind::kText, .text = std::move(value), .is_secret = is_secret};
  }

  /// Keys that only others refer to belong to no agent; unknown and failed ones would be misread.
  void take_out_variables() {
    std::set<std::string_view> agents;
    for (const Property& property : text_.properties) {
      const std::string_view key = property.key;
      const std::size_t dot = key.find('.');
      if (dot == std::string_view::npos) continue;
      const std::string_view section = key.substr(dot + 1, key.find('.', dot + 1) - dot - 1);
      for (const std::string_view known : {"sources", "channels", "sinks", "sinkgroups"}) {
        if (section == known) agents.insert(key.substr(0, dot));
      }
    }
    std::vector<Property> kept;
    for (std::size_t i = 0; i < text_.properties.size(); ++i) {
      const State& state = states_[i];
      const std::string_view key = text_.properties[i].key;
      const bool is_variable = referred_to_.contains(text_.properties[i].key) &&
                               !agents.contains(key.substr(0, key.find('.')));
      if (is_variable || state.progress == Progress::kUnknown) continue;
      if (state.progress == Progress::kFailed) {
        text_.unknown_keys.emplace(key);
        continue;
      }
      kept.push_back(text_.properties[i]);
    }
    text_.properties = std::move(kept);
  }

  ConfigText& text_;
  const VariableSources& sources_;
  ConfigFilters* const filters_;
  std::set<std::string> referred_to_;
  std::map<std::string, std::size_t, std::less<>> by_key_;
  std::vector<State> states_;  // parallel to the properties
  std::size_t depth_ = 0;
  std::size_t expanded_bytes_ = 0;
};

// They come first, since the others are resolved with them. Returns the keys they refer to.
std::set<std::string> resolve_filter_keys(ConfigText& text, const VariableSources& sources) {
  ConfigText own;
  own.properties = text.properties;
  Resolver resolver(own, sources, nullptr, {});
  std::vector<Property> kept;
  for (std::size_t i = 0; i < text.properties.size(); ++i) {
    Property& property = text.properties[i];
    if (ConfigFilters::is_key_of_one(property.key)) {
      if (!resolver.resolve_one(i)) {
        text.unknown_keys.insert(property.key);
        continue;
      }
      property.value = own.properties[i].value;
    }
    kept.push_back(std::move(property));
  }
  text.properties = std::move(kept);
  for (ConfigProblem& problem : own.problems) {
    if (ConfigFilters::is_key_of_one(problem.key)) text.problems.push_back(std::move(problem));
  }
  for (std::string& secret : own.secrets) text.secrets.push_back(std::move(secret));
  return resolver.referred_to();
}

}  // namespace

void resolve_variables(ConfigText& text, const VariableSources& sources) {
  std::set<std::string> referred_to = resolve_filter_keys(text, sources);
  ConfigFilters filters(text, sources);
  Resolver(text, sources, &filters, std::move(referred_to)).run();
}

}  // namespace spillway::agent
