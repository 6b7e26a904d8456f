// Variables in configuration files: `${env:X}`, `${sys:x}`, `${file:path}`, `${file:path:key}`,
// `${otherKey}`, and Flume's config filters `${filter['key']}`.
//
// Replaces them in the values of a ConfigText and says which values are secret. Syntax and limits
// of `${…}`: interpolation.h. What comes from outside of the files is put in as it is: only values
// of keys may contain variables themselves. Flume: EnvVarResolverProperties, the lookups of 1.10,
// ConfigFilter.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "agent/config_text.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// How values from outside of the files are found. Tests and the fuzzer bring their own.
struct VariableSources {
  using Definitions = std::map<std::string, std::string, std::less<>>;

  Definitions definitions = {};  // -Dname=value
  bool is_classic = false;       // EnvVarResolverProperties: a bare ${X} is of the environment

  /// Of the process. Empty: nothing outside of the files is looked at, and keys whose value would
  /// depend on it are left out (ConfigText::unknown_keys).
  std::function<std::optional<std::string>(const std::string& name)> environment = {};
  /// With `environment`: the text of a file.
  std::function<Result<std::string>(const std::string& path)> read_file = {};
  /// With `environment`: the first line that a program prints.
  std::function<Result<std::string>(const std::vector<std::string>& argv)> run_program = {};
};

/// The real ones; files up to 1 MiB, programs for up to 10 s.
VariableSources process_variables(VariableSources::Definitions definitions, bool is_classic);

/// Replaces the variables of all values; what cannot be replaced is a problem. Keys of config
/// filters, and keys that are nothing but a variable of others, are taken out.
void resolve_variables(ConfigText& text, const VariableSources& sources);

}  // namespace spillway::agent
