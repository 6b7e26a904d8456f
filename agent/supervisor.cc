#include "agent/supervisor.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "agent/thread_name.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::chrono::milliseconds kSlowStop{5000};

}  // namespace

Supervisor::Supervisor(const Clock& clock, const BackoffOptions& backoff, std::uint64_t seed)
    : clock_(clock), backoff_(backoff), seed_(seed) {}

std::size_t Supervisor::add(ComponentStatus component, std::function<Result<void>()> start,
                            std::vector<std::size_t> needs) {
  CHECK(!thread_.joinable());
  const MutexLock lock(mutex_);
  const std::size_t index = entries_.size();
  for (const std::size_t need : needs) CHECK(need < index);
  entries_.push_back(std::make_unique<Entry>(Entry{.status = std::move(component),
                                                   .start = std::move(start),
                                                   .needs = std::move(needs),
                                                   .backoff = Backoff(backoff_, seed_ + index)}));
  return index;
}

void Supervisor::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    run();
    ended_.request();
  });
}

void Supervisor::stop() {
  stop_.request();
  if (!thread_.joinable()) return;
  if (!ended_.wait_for(kSlowStop)) warn_of_slow_start();
  thread_.join();
}

void Supervisor::warn_of_slow_start() const {
  std::string kind;
  std::string name;
  {
    const MutexLock lock(mutex_);
    if (attempted_ == nullptr) return;
    kind = kind_name(attempted_->status.kind);
    name = attempted_->status.name;
  }
  log_warn("agent.stop_slow", "a component is still starting; waiting for it",
           {{"kind", kind}, {"name", name}});
}

void Supervisor::set_stopped(std::size_t index) {
  const std::int64_t now_ms = clock_.wall_ms();
  const MutexLock lock(mutex_);
  ComponentStatus& status = entries_[index]->status;
  if (status.state == ComponentState::kStopped) return;
  status.state = ComponentState::kStopped;
  status.stopped_ms = now_ms;
}

std::vector<ComponentStatus> Supervisor::status() const {
  const MutexLock lock(mutex_);
  std::vector<ComponentStatus> all;
  all.reserve(entries_.size());
  for (const auto& entry : entries_) all.push_back(entry->status);
  return all;
}

bool Supervisor::is_started(std::size_t index) const {
  const MutexLock lock(mutex_);
  return entries_[index]->status.state == ComponentState::kStarted;
}

bool Supervisor::are_all_started() const {
  const MutexLock lock(mutex_);
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry->status.state == ComponentState::kStarted;
  });
}

void Supervisor::run() {
  name_this_thread("supervisor", "");
  while (!stop_.is_requested()) {
    try_all_due();
    first_round_.request();
    const std::uint64_t due_ns = next_due_ns();
    if (due_ns == kNever) {
      stop_.wait();
      break;
    }
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    stop_.wait_for(std::chrono::milliseconds(left_ns / kNsPerMs + 1));
  }
  first_round_.request();
}

void Supervisor::try_all_due() {
  std::size_t count = 0;
  {
    const MutexLock lock(mutex_);
    count = entries_.size();
  }
  for (std::size_t index = 0; index < count && !stop_.is_requested(); ++index) {
    if (is_due(index, clock_.monotonic_ns())) attempt(index);
  }
}

bool Supervisor::has_needs_started(const Entry& entry) const {
  for (const std::size_t need : entry.needs) {
    if (entries_[need]->status.state != ComponentState::kStarted) return false;
  }
  return true;
}

bool Supervisor::is_due(std::size_t index, std::uint64_t now_ns) const {
  const MutexLock lock(mutex_);
  const Entry& entry = *entries_[index];
  return entry.status.state != ComponentState::kStarted && entry.due_ns <= now_ns &&
         has_needs_started(entry);
}

void Supervisor::attempt(std::size_t index) {
  const Entry* entry = nullptr;
  {
    const MutexLock lock(mutex_);
    entry = entries_[index].get();
    attempted_ = entry;
  }
  // Outside the lock: the status port must answer while a channel recovers. `start` and the name
  // are constant while the thread runs.
  const auto started = entry->start();

  const std::string kind(kind_name(entry->status.kind));
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::int64_t now_ms = clock_.wall_ms();
  MutexLock lock(mutex_);
  Entry& mine = *entries_[index];
  attempted_ = nullptr;
  if (started.has_value()) {
    mine.status.state = ComponentState::kStarted;
    mine.status.started_ms = now_ms;
    mine.status.last_error.clear();
    lock.unlock();
    log_info("agent.component_started", "a component has started",
             {{"kind", kind}, {"name", entry->status.name}, {"type", entry->status.type}});
    return;
  }
  const auto pause = mine.backoff.next();
  mine.status.state = ComponentState::kRetrying;
  mine.status.last_error = to_string(started.error());
  mine.due_ns = now_ns + static_cast<std::uint64_t>(pause.count()) * kNsPerMs;
  const std::uint64_t failures = ++mine.status.start_failures;
  lock.unlock();
  log_error("agent.start_failed", "a component did not start and will be tried again",
            {{"kind", kind},
             {"name", entry->status.name},
             {"error", started.error()},
             {"failures", failures},
             {"retry_in_ms", pause.count()}});
}

std::uint64_t Supervisor::next_due_ns() const {
  const MutexLock lock(mutex_);
  std::uint64_t due_ns = kNever;
  for (const auto& entry : entries_) {
    // One that waits for others becomes due by their success, in the same round.
    if (entry->status.state != ComponentState::kStarted && has_needs_started(*entry)) {
      due_ns = std::min(due_ns, entry->due_ns);
    }
  }
  return due_ns;
}

}  // namespace spillway::agent
