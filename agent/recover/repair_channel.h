// `spillway recover repair --apply`: makes the directories of a channel clean.
//
// Copies what waits to a new channel in directories `repair-new`, checks it, and exchanges the
// files (agent/recover/directory_swap.h). Nothing is deleted. Up to the exchange the originals are
// untouched; once it has begun it can only be finished.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/progress.h"
#include "agent/recover/refusal.h"
#include "agent/recover/repair_journal.h"
#include "agent/recover/repair_plan.h"
#include "agent/stop_signal.h"
#include "wal/io/file.h"

namespace spillway::agent::recover {

/// Keeps agents, and other repairs, out of the directories of a channel.
class ChannelLocks {
 public:
  /// Refuses directories that are in use, or cannot be written.
  std::optional<Refusal> lock(const std::vector<std::string>& directories);

 private:
  std::vector<std::unique_ptr<io::Directory>> directories_;
  std::vector<std::unique_ptr<io::DirectoryLock>> locks_;
};

/// Everything before the exchange: afterwards `journal` is written. The directories are locked.
/// `stop` ends it, with the originals as they were.
std::optional<Refusal> prepare_repair(const OfflineChannel& channel, const RepairPlan& plan,
                                      Progress::Style progress, const StopSignal& stop,
                                      RepairJournal& journal);

/// The exchange, from wherever it is. The directories are locked.
std::optional<Refusal> finish_repair(const RepairJournal& journal);

/// Where the originals are now, and what to do.
void print_repaired(const RepairJournal& journal, Output& out);

}  // namespace spillway::agent::recover
