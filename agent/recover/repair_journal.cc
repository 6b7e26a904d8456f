#include "agent/recover/repair_journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include "channel/repair_mark.h"
#include "wal/base/bytes.h"
#include "wal/base/check.h"
#include "wal/io/os_error.h"
#include "wal/io/replace_file.h"
#include "wal/io/sync_directory.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFirstLine = "spillway repair 1";
constexpr std::string_view kAside = "aside";
constexpr std::string_view kInstall = "install";

constexpr Error kNoJournal{.code = Errc::kCorrupt, .what = "repair.journal is not understood"};

std::string path_of(const std::string& checkpoint_dir) {
  return checkpoint_dir + "/" + std::string(channel::kRepairMarkName);
}

std::string phase_name(RepairJournal::Phase phase) {
  return std::string(phase == RepairJournal::Phase::kAside ? kAside : kInstall);
}

// The value of a line "<key> <value>"; nullopt for another line.
std::optional<std::string> value_of(const std::string& line, std::string_view key) {
  if (line.size() <= key.size() + 1 || !line.starts_with(key) || line[key.size()] != ' ') {
    return std::nullopt;
  }
  return line.substr(key.size() + 1);
}

bool is_plain_name(const std::string& name) {
  return name.starts_with(kAsidePrefix) && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

}  // namespace

bool has_repair_journal(const std::string& directory) {
  std::error_code ignored;
  return fs::exists(path_of(directory), ignored);
}

bool is_under_repair(const std::string& checkpoint_dir, const std::string& directory) {
  const auto journal = read_repair_journal(checkpoint_dir);
  if (!journal.has_value()) return false;
  const auto& directories = journal.value().directories;
  return std::any_of(directories.begin(), directories.end(), [&](const std::string& named) {
    std::error_code ignored;
    return fs::equivalent(named, directory, ignored);
  });
}

Result<RepairJournal> read_repair_journal(const std::string& checkpoint_dir) {
  std::ifstream in(path_of(checkpoint_dir));
  std::string line;
  if (!std::getline(in, line) || line != kFirstLine) return kNoJournal;
  RepairJournal journal;
  if (!std::getline(in, line)) return kNoJournal;
  const auto phase = value_of(line, "phase");
  if (phase != kAside && phase != kInstall) return kNoJournal;
  journal.phase = phase == kAside ? RepairJournal::Phase::kAside : RepairJournal::Phase::kInstall;
  if (!std::getline(in, line)) return kNoJournal;
  journal.aside_name = value_of(line, "aside").value_or("");
  if (!is_plain_name(journal.aside_name)) return kNoJournal;
  while (std::getline(in, line)) {
    const auto directory = value_of(line, "directory");
    // The system would take what is before a NUL for the name.
    if (!directory || directory->find('\0') != std::string::npos) return kNoJournal;
    journal.directories.push_back(*directory);
  }
  if (journal.directories.empty()) return kNoJournal;
  std::error_code ignored;
  if (fs::equivalent(journal.directories.front(), checkpoint_dir, ignored)) return journal;
  return Error{.code = Errc::kCorrupt,
               .what =
                   "repair.journal was written for directories elsewhere; a copy of a "
                   "repair that was cut off cannot be finished"};
}

Result<void> write_repair_journal(const RepairJournal& journal) {
  CHECK(!journal.directories.empty());
  std::string text = fmt::format("{}\nphase {}\naside {}\n", kFirstLine, phase_name(journal.phase),
                                 journal.aside_name);
  for (const std::string& directory : journal.directories) {
    if (directory.find('\n') != std::string::npos) {
      return Error{.code = Errc::kBadConfig, .what = "the name of a directory has a line end"};
    }
    text += fmt::format("directory {}\n", directory);
  }
  return io::replace_file(path_of(journal.directories.front()), as_bytes(text));
}

Result<void> remove_repair_journal(const RepairJournal& journal) {
  const std::string& checkpoint_dir = journal.directories.front();
  std::error_code error;
  fs::remove(path_of(checkpoint_dir), error);
  if (error) return io::os_error(error.value(), "cannot remove repair.journal");
  return io::sync_directory(checkpoint_dir);
}

}  // namespace spillway::agent::recover
