// ConfigText: what the configuration files say, before any agent in them is looked at.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/properties.h"

namespace spillway::agent {

struct ConfigText {
  std::vector<std::string> files;                 // as messages show them
  std::vector<std::optional<std::string>> texts;  // of each file, as it is; none: not to be read
  std::vector<Property> properties;     // of all files; duplicates within one file are kept
  std::vector<ConfigProblem> problems;  // unreadable files, bad lines, variables without a value
  std::vector<std::string> secrets;     // what no message may show: agent/secrets.h
  // Were written, and have no value that could be looked at: nobody may miss them.
  std::set<std::string, std::less<>> unknown_keys;
};

struct VariableSources;  // agent/variables.h

/// Reads `files`, paths or web addresses, in order; a later one replaces the keys of an earlier
/// one. Variables are replaced by what `sources` says.
ConfigText read_config_files(const std::vector<std::string>& files, const VariableSources& sources);
/// With those of this process.
ConfigText read_config_files(const std::vector<std::string>& files);

/// By file in the order of `files`, then by line; what is said twice is dropped.
void sort_problems(const std::vector<std::string>& files, std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
