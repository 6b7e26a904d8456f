// Config: the validated option values of one component.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/component.h"

namespace spillway::agent {

/// Where a value was written; `line` 0 means it is a default.
struct ConfigOrigin {
  std::string file;
  std::uint32_t line = 0;
};

/// One reason why a configuration is refused, or a notice about it. Printed as
/// `file:line: key: reason`.
struct ConfigProblem {
  ConfigOrigin origin;
  std::string key;         // full key: a1.channels.c1.capacity
  std::string reason;      // what is wrong and what to do, with "did you mean" where one is near
  bool is_notice = false;  // accepted, but the operator should know: a key without effect
};

/// The reason of a problem about a key that is not there.
inline constexpr std::string_view kMissingOption = "required option is missing";

/// Is there anything but notices?
bool has_errors(const std::vector<ConfigProblem>& problems);

/// `file:line: key: reason`; notices have "notice: " before the reason.
std::string to_string(const ConfigProblem& problem);

/// The row that describes option `name`: an exact one, else the first wildcard that covers it.
const OptionSpec* find_option(std::span<const OptionSpec> specs, std::string_view name);

/// Values are checked against the component's OptionSpec rows before a Config exists, so the
/// accessors cannot fail: asking for an option without a row, or in another type, is our bug.
class Config {
 public:
  struct Value {
    std::string text;
    ConfigOrigin origin;
  };
  using Values = std::map<std::string, Value, std::less<>>;

  /// Checks `given` against `specs`, adds defaults, and appends what is wrong to `problems`.
  /// `key_prefix` ("a1.channels.c1.") and `origin` (of the component's declaration, for missing
  /// keys) only serve the messages. The result is usable only if no error was appended.
  static Config validate(std::span<const OptionSpec> specs, Values given,
                         std::string_view key_prefix, const ConfigOrigin& origin,
                         std::vector<ConfigProblem>& problems);

  /// For tests and defaults: CHECKs that there is no problem.
  static Config of(std::span<const OptionSpec> specs,
                   const std::map<std::string, std::string>& given);

  [[nodiscard]] const std::string& string(
      std::string_view name) const;  // kString, kPath, kEnum (lower case)
  [[nodiscard]] std::uint64_t bytes(std::string_view name) const;
  [[nodiscard]] std::uint64_t millis(std::string_view name) const;  // kMillis and kSeconds, in ms
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;

  /// Was it written in the configuration (as opposed to defaulted)?
  [[nodiscard]] bool is_given(std::string_view name) const;

  /// Where it was written; line 0 for a default.
  [[nodiscard]] ConfigOrigin origin(std::string_view name) const;

  /// Options whose effective values differ; sorted. Both come from the same rows.
  [[nodiscard]] std::vector<std::string> differences(const Config& other) const;

  /// All given keys below `prefix` ("filegroups."), without it, sorted: {"f1", "/var/log/.*"}.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> below(
      std::string_view prefix) const;

 private:
  [[nodiscard]] const Value& find(std::string_view name,
                                  std::initializer_list<OptionType> types) const;

  std::span<const OptionSpec> specs_;
  Values values_;
};

}  // namespace spillway::agent
