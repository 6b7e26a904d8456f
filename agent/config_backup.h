// ConfigBackup: copies of the configuration's files, for a start at which they cannot be read.
//
// Source: Flume 1.11, UriConfigurationProvider, --backup-directory. A copy is what was written,
// with its variables not replaced, and only of a configuration without errors.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent_config.h"

namespace spillway::agent {

class ConfigBackup {
 public:
  /// Without a directory nothing is kept and nothing found.
  ConfigBackup(std::string directory, const std::string& agent_name);

  /// Copies the texts of all files, durably and for this user only, where they differ from the
  /// copies. What cannot be written is logged.
  void keep(const std::vector<std::optional<std::string>>& texts) const;

  /// `files`, from which `loaded` came, with the copy in place of each that could not be read,
  /// which is logged; nullopt when all could be read or one has no copy.
  [[nodiscard]] std::optional<std::vector<std::string>> replace_missing(
      std::vector<std::string> files, const LoadedAgent& loaded) const;

 private:
  [[nodiscard]] std::string path_of(std::size_t index) const;

  std::string directory_;
  std::string file_name_;  // of the first file's copy, without `.properties`
};

}  // namespace spillway::agent
