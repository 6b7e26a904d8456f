#include "agent/config_backup.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/properties.h"
#include "agent/web_address.h"
#include "wal/base/log.h"
#include "wal/io/replace_file.h"

namespace spillway::agent {
namespace {

constexpr mode_t kOnlyThisUser = 0600;  // passwords may stand in it

std::optional<std::string> read_copy(const std::string& path) {
  std::vector<ConfigProblem> ignored;
  return read_properties_text(path, ignored);
}

std::string why_missing(const LoadedAgent& loaded, const std::string& file) {
  for (const ConfigProblem& problem : loaded.problems) {
    if (problem.origin.file == file && problem.origin.line == 0) return problem.reason;
  }
  return "";
}

}  // namespace

ConfigBackup::ConfigBackup(std::string directory, const std::string& agent_name)
    : directory_(std::move(directory)), file_name_("." + agent_name) {
  std::replace(file_name_.begin(), file_name_.end(), '/', '_');
}

std::string ConfigBackup::path_of(std::size_t index) const {
  const std::string number = index == 0 ? "" : fmt::format(".{}", index + 1);
  return fmt::format("{}/{}{}.properties", directory_, file_name_, number);
}

void ConfigBackup::keep(const std::vector<std::optional<std::string>>& texts) const {
  if (directory_.empty()) return;
  std::error_code failed;  // then the first copy says why
  std::filesystem::create_directories(directory_, failed);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string path = path_of(i);
    if (!texts[i] || read_copy(path) == texts[i]) continue;
    const auto written = io::replace_file(path, as_bytes(*texts[i]), kOnlyThisUser);
    if (written.has_value()) continue;
    log_warn("agent.config_backup_failed", "the configuration has no copy for the next start",
             {{"copy", path}, {"error", written.error()}});
  }
}

std::optional<std::vector<std::string>> ConfigBackup::replace_missing(
    std::vector<std::string> files, const LoadedAgent& loaded) const {
  if (directory_.empty()) return std::nullopt;
  bool is_any_missing = false;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (loaded.texts[i]) continue;
    const std::string copy = path_of(i);
    if (!read_copy(copy)) return std::nullopt;
    const std::string file = shown_address(files[i]);
    log_warn("agent.config_backup_used", "the configuration is taken from its copy",
             {{"file", file}, {"copy", copy}, {"error", why_missing(loaded, file)}});
    files[i] = copy;
    is_any_missing = true;
  }
  if (!is_any_missing) return std::nullopt;
  return files;
}

}  // namespace spillway::agent
