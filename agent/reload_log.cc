#include "agent/reload_log.h"

#include <array>
#include <utility>

namespace spillway::agent {

std::string_view outcome_name(Reload::Outcome outcome) {
  constexpr std::array<std::string_view, 3> kNames{"applied", "unchanged", "refused"};
  return kNames.at(static_cast<std::size_t>(outcome));
}

void ReloadLog::add(Reload reload) {
  const MutexLock lock(mutex_);
  switch (reload.outcome) {
    case Reload::Outcome::kApplied:
      ++state_.applied;
      state_.last_applied = reload;
      break;
    case Reload::Outcome::kUnchanged:
      ++state_.unchanged;
      break;
    case Reload::Outcome::kRefused:
      ++state_.refused;
      break;
  }
  state_.last = std::move(reload);
}

ReloadLog::State ReloadLog::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

}  // namespace spillway::agent
