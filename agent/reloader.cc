#include "agent/reloader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "agent/config_diff.h"
#include "agent/pipeline_builder.h"
#include "agent/properties.h"
#include "agent/secrets.h"
#include "agent/thread_name.h"
#include "agent/web_address.h"
#include "wal/base/check.h"
#include "wal/base/hash.h"
#include "wal/base/log.h"
#include "wal/base/log_secrets.h"

namespace spillway::agent {

Reloader::Reloader(Agent& agent, AgentConfig running, Load load, ReloadLog& log, const Clock& clock,
                   ReloaderOptions options)
    : agent_(agent),
      load_(std::move(load)),
      log_(log),
      clock_(clock),
      options_(std::move(options)),
      running_(std::move(running)),
      seen_(marks()) {}

void Reloader::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void Reloader::stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Reloader::request() {
  const MutexLock lock(mutex_);
  is_requested_ = true;
  changed_.notify_all();
}

void Reloader::run() {
  name_this_thread("reload", "");
  while (wait_for_work()) reload();
}

/// True when there is something to load, false when the thread is to end.
bool Reloader::wait_for_work() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    if (is_requested_) {
      is_requested_ = false;
      lock.unlock();
      seen_ = marks();  // before the files are read: a change meanwhile is found by the next poll
      return true;
    }
    if (options_.poll_interval.count() == 0) {
      changed_.wait(lock);
      continue;
    }
    if (changed_.wait_for(lock, options_.poll_interval)) continue;
    lock.unlock();
    std::vector<FileMark> now = marks();
    if (now != seen_) {
      seen_ = std::move(now);
      return true;
    }
    lock.lock();
  }
  return false;
}

std::vector<Reloader::FileMark> Reloader::marks() const {
  std::vector<FileMark> all;
  if (options_.poll_interval.count() == 0) return all;
  for (const std::string& file : options_.files) {
    struct stat found = {};
    FileMark mark;
    if (is_web_address(file)) {
      mark = mark_of_address(all.size());
    } else if (::stat(file.c_str(), &found) == 0) {
      constexpr std::int64_t kNsPerSecond = 1'000'000'000;
      mark = {.changed_ns = found.st_mtim.tv_sec * kNsPerSecond + found.st_mtim.tv_nsec,
              .inode = found.st_ino,
              .size_bytes = static_cast<std::uint64_t>(found.st_size)};
    }
    all.push_back(mark);
  }
  return all;
}

Reloader::FileMark Reloader::mark_of_address(std::size_t index) const {
  const std::string& address = options_.files[index];
  std::string text;
  const auto why = fetch_address(address, PropertiesLimits{}.file_bytes_max, text);
  if (!why) return {.size_bytes = text.size(), .hash = xxh3_64(as_bytes(text), 0)};
  log_warn("agent.config_unreachable", "cannot look for changes; the running configuration stays",
           {{"address", shown_address(address)}, {"error", *why}});
  return index < seen_.size() ? seen_[index] : FileMark{};
}

Reload::Outcome Reloader::reload() {
  const MutexLock lock(reload_mutex_);
  Reload reload = attempt();
  reload.at_ms = clock_.wall_ms();
  const Reload::Outcome outcome = reload.outcome;
  log_.add(reload);
  tell(reload);  // behind it: who reads this and looks at the status finds it there
  return outcome;
}

Reload Reloader::attempt() {
  LoadedAgent loaded = load_();
  hide_in_log(loaded.secrets);
  if (has_errors(loaded.problems)) {
    return {.outcome = Reload::Outcome::kRefused, .problems = std::move(loaded.problems)};
  }
  const ConfigDiff diff = diff_configs(running_, loaded.agent);
  if (diff.changes.empty()) {
    log_info("agent.reload_unchanged", "the configuration means what it meant before");
    running_ = std::move(loaded.agent);
    return {.outcome = Reload::Outcome::kUnchanged, .problems = std::move(loaded.problems)};
  }
  const auto former = agent_.pipeline();
  BuiltNext built = build_next(loaded.agent, diff, *former, clock_);
  if (!built.problems.empty()) {
    hide_secrets(loaded.secrets, built.problems);
    return {.outcome = Reload::Outcome::kRefused, .problems = std::move(built.problems)};
  }

  log_info("agent.reloading", "going over to a new configuration",
           {{"changes", fmt::format("{}", fmt::join(diff.changes, "; "))}});
  if (!agent_.replace(std::move(built.next), options_.drain_max)) {
    return {.outcome = Reload::Outcome::kUnchanged};  // the agent stops
  }
  for (const auto& [channel, is_forced] : diff.spill_switches) {
    agent_.force_spilling(channel, is_forced);
  }
  running_ = std::move(loaded.agent);
  return {.outcome = Reload::Outcome::kApplied,
          .changes = diff.changes,
          .problems = std::move(loaded.problems)};
}

void Reloader::tell(const Reload& reload) {
  if (reload.outcome == Reload::Outcome::kApplied) {
    log_info("agent.reloaded", "the new configuration runs", {{"changes", reload.changes.size()}});
  }
  if (reload.outcome != Reload::Outcome::kRefused) return;
  std::uint64_t errors = 0;
  for (const ConfigProblem& problem : reload.problems) {
    if (problem.is_notice) continue;
    ++errors;
    log_info("agent.reload_problem", "why the new configuration is refused",
             {{"problem", to_string(problem)}});
  }
  log_error("agent.reload_refused", "the new configuration is not used, the former one runs on",
            {{"errors", errors}});
}

}  // namespace spillway::agent
