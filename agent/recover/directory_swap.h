// Exchanges the files of a channel for those of its repaired copy, so that it can be cut off at any
// point and finished later.
//
// Files are moved within their directories: that works where a directory is a mount point, and the
// journal in the checkpoint directory keeps channels from starting on a mixture.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "agent/recover/repair_journal.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

/// Part of a channel, by its name: what a repair moves. Everything else stays where it is.
bool is_channel_file(std::string_view name);

/// One thread; the caller has locked the directories.
class DirectorySwap {
 public:
  /// `journal` is written already, or was by a process that did not come to its end.
  explicit DirectorySwap(RepairJournal journal) : journal_(std::move(journal)) {}

  /// Does one thing that is there or not after a crash: a rename, a new journal, a removal. False
  /// when all is done. After an error it may be tried again, from a new object.
  Result<bool> step();

  Result<void> run();

 private:
  struct Move {
    std::string from;
    std::string to;
  };

  Result<void> plan();
  Result<void> plan_moves(const std::string& from, const std::string& to);
  Result<void> finish_aside();
  Result<void> finish_install();
  [[nodiscard]] std::string aside(const std::string& directory) const;

  RepairJournal journal_;
  bool is_planned_ = false;  // moves_ is what is left of the phase
  std::deque<Move> moves_;
};

}  // namespace spillway::agent::recover
