#include "agent/recover/directory_swap.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "checkpoint/manifest_store.h"
#include "wal/io/os_error.h"
#include "wal/io/posix_lock.h"
#include "wal/io/rename_new.h"
#include "wal/io/sync_directory.h"
#include "wal/slot_pool.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;

std::string new_in(const std::string& directory) {
  return directory + "/" + std::string(kRepairNewName);
}

Result<std::vector<std::string>> channel_files_in(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    std::error_code ignored;
    if (is_channel_file(name) && at->is_regular_file(ignored)) names.push_back(name);
  }
  if (error) return io::os_error(error.value(), "cannot read directory");
  std::sort(names.begin(), names.end());
  return names;
}

// With the lock file in it, and nothing else.
Result<void> remove_emptied(const std::string& directory) {
  std::error_code error;
  fs::remove(directory + "/" + io::kLockFileName, error);
  if (!error) fs::remove(directory, error);
  if (error) return io::os_error(error.value(), "cannot remove repair-new");
  return {};
}

}  // namespace

bool is_channel_file(std::string_view name) {
  return name == checkpoint::kManifestName || wal::parse_slot_name(name).has_value() ||
         (name.starts_with("damaged-") && name.ends_with(".bin"));
}

std::string DirectorySwap::aside(const std::string& directory) const {
  return directory + "/" + journal_.aside_name;
}

Result<bool> DirectorySwap::step() {
  if (!is_planned_) TRY(plan());
  if (!moves_.empty()) {
    const Move move = moves_.front();
    moves_.pop_front();
    TRY(io::rename_new(move.from, move.to));
    return true;
  }
  is_planned_ = false;
  if (journal_.phase == RepairJournal::Phase::kAside) {
    TRY(finish_aside());
    return true;
  }
  TRY(finish_install());
  return false;
}

Result<void> DirectorySwap::run() {
  while (true) {
    TRY_ASSIGN(const bool goes_on, step());
    if (!goes_on) return {};
  }
}

Result<void> DirectorySwap::plan() {
  for (const std::string& directory : journal_.directories) {
    if (journal_.phase == RepairJournal::Phase::kAside) {
      std::error_code error;
      if (fs::create_directory(aside(directory), error)) {
        fs::permissions(aside(directory), fs::perms(0750), error);
      }
      if (error) return io::os_error(error.value(), "cannot create directory");
      TRY(plan_moves(directory, aside(directory)));
    } else if (fs::exists(new_in(directory))) {
      TRY(plan_moves(new_in(directory), directory));
    }
  }
  is_planned_ = true;
  return {};
}

Result<void> DirectorySwap::plan_moves(const std::string& from, const std::string& to) {
  TRY_ASSIGN(const auto names, channel_files_in(from));
  for (const std::string& name : names) {
    moves_.push_back({.from = from + "/" + name, .to = to + "/" + name});
  }
  return {};
}

// From here on what is in the directories is new.
Result<void> DirectorySwap::finish_aside() {
  for (const std::string& directory : journal_.directories) {
    TRY(io::sync_directory(aside(directory)));
    TRY(io::sync_directory(directory));
  }
  RepairJournal next = journal_;
  next.phase = RepairJournal::Phase::kInstall;
  TRY(write_repair_journal(next));
  journal_ = std::move(next);
  return {};
}

Result<void> DirectorySwap::finish_install() {
  for (const std::string& directory : journal_.directories) {
    if (fs::exists(new_in(directory))) TRY(remove_emptied(new_in(directory)));
    TRY(io::sync_directory(directory));
  }
  return remove_repair_journal(journal_);
}

}  // namespace spillway::agent::recover
