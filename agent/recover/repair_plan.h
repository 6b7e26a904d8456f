// `spillway recover repair`: what it would keep, lose and set aside.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/event_reader.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/progress.h"
#include "agent/recover/refusal.h"
#include "agent/recover/verify_report.h"
#include "wal/log_reader.h"

namespace spillway::agent::recover {

struct RepairPlan {
  VerifyReport found;
  std::size_t foreign_slots = 0;           // of another channel, or of none that can be identified
  EventCount kept{};                       // what is copied, and what of it cannot be
  std::vector<std::string> directories{};  // absolute, each once; the checkpoint directory first
  std::size_t files_aside = 0;
  std::uint64_t bytes_aside = 0;

  /// Nothing is wrong with the directories: a repair would change nothing.
  [[nodiscard]] bool is_empty() const { return found.is_clean() && foreign_slots == 0; }
};

/// Reads everything, and what waits twice. Changes nothing. Refuses what is no channel any more.
std::optional<Refusal> plan_repair(const OfflineChannel& channel, const VerifyOptions& options,
                                   RepairPlan& plan);

/// `is_applied`: it is carried out next.
void print_plan(const RepairPlan& plan, bool is_applied, Output& out);

/// The directories of a channel as a repair names them.
std::vector<std::string> repair_directories(const ChannelDirs& dirs);

}  // namespace spillway::agent::recover
