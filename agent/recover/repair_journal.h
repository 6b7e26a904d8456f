// What a repair that exchanges the files of a channel notes, so that it can be finished later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"

namespace spillway::agent::recover {

/// In each directory of the channel, the checkpoint directory first: the originals go to the
/// directory `aside_name` in it, and come from the directory kRepairNewName in it.
struct RepairJournal {
  enum class Phase : std::uint8_t {
    kAside,    // originals are being moved aside; nothing new has been moved in
    kInstall,  // all originals are aside; the new files are being moved in
  };

  Phase phase = Phase::kAside;
  std::string aside_name{};
  std::vector<std::string> directories{};  // absolute, each once; never empty
};

inline constexpr std::string_view kRepairNewName = "repair-new";
inline constexpr std::string_view kAsidePrefix = "before-repair-";

/// Is there one in the checkpoint directory `directory`?
bool has_repair_journal(const std::string& directory);

/// Is there one in `checkpoint_dir` that names `directory`?
bool is_under_repair(const std::string& checkpoint_dir, const std::string& directory);

/// kCorrupt: it is none, or that of other directories (it was copied here with them).
Result<RepairJournal> read_repair_journal(const std::string& checkpoint_dir);

/// Durable when it returns. kBadConfig: a path that cannot be written down.
Result<void> write_repair_journal(const RepairJournal& journal);

/// Durable when it returns.
Result<void> remove_repair_journal(const RepairJournal& journal);

}  // namespace spillway::agent::recover
