// ConfigText: what the configuration files say, before any agent in them is looked at.
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/properties.h"

namespace spillway::agent {

struct ConfigText {
  std::vector<std::string> files;
  std::vector<Property> properties;     // of all files; duplicates within one file are kept
  std::vector<ConfigProblem> problems;  // unreadable files, bad lines
};

/// Reads `files` in order; a later file replaces the keys of an earlier one.
ConfigText read_config_files(const std::vector<std::string>& files);

/// By file in the order of `files`, then by line; what is said twice is dropped.
void sort_problems(const std::vector<std::string>& files, std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
