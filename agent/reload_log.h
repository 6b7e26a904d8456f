// ReloadLog: what became of the last reloads, for the status port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/config.h"
#include "wal/base/mutex.h"

namespace spillway::agent {

/// One look at the configuration files after the start.
struct Reload {
  enum class Outcome : std::uint8_t { kApplied, kUnchanged, kRefused };

  std::int64_t at_ms = 0;  // wall time; 0 = there was none
  Outcome outcome = Outcome::kUnchanged;
  std::vector<std::string> changes = {};     // ConfigDiff::changes
  std::vector<ConfigProblem> problems = {};  // why it was refused, and notices
};

/// "applied", "unchanged", "refused".
std::string_view outcome_name(Reload::Outcome outcome);

/// Thread-safe.
class ReloadLog {
 public:
  struct State {
    Reload last;          // of whatever outcome
    Reload last_applied;  // changed something
    std::uint64_t applied = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t refused = 0;
  };

  void add(Reload reload);
  [[nodiscard]] State state() const;

 private:
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
};

}  // namespace spillway::agent
