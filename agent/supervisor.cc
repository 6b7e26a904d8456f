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
  const std::size_t id = next_id_++;
  for (const std::size_t need : needs) CHECK(find(need) != nullptr);
  auto entry = std::make_unique<Entry>(Entry{.id = id,
                                             .status = std::move(component),
                                             .start = std::move(start),
                                             .needs = std::move(needs),
                                             .backoff = Backoff(backoff_, seed_ + id)});
  const auto behind = std::upper_bound(
      entries_.begin(), entries_.end(), entry,
      [](const auto& a, const auto& b) { return a->status.kind < b->status.kind; });
  entries_.insert(behind, std::move(entry));
  return id;
}

void Supervisor::remove(std::size_t id) {
  CHECK(!thread_.joinable());
  const MutexLock lock(mutex_);
  CHECK(std::erase_if(entries_, [id](const auto& entry) { return entry->id == id; }) == 1);
}

void Supervisor::set_needs(std::size_t id, std::vector<std::size_t> needs) {
  CHECK(!thread_.joinable());
  const MutexLock lock(mutex_);
  for (const std::size_t need : needs) CHECK(find(need) != nullptr);
  find(id)->needs = std::move(needs);
}

std::shared_ptr<Supervisor::Run> Supervisor::run_of_thread() const {
  const MutexLock lock(mutex_);
  return run_;
}

Supervisor::Entry* Supervisor::find(std::size_t id) const {
  for (const auto& entry : entries_) {
    if (entry->id == id) return entry.get();
  }
  return nullptr;
}

void Supervisor::start() {
  CHECK(!thread_.joinable());
  std::shared_ptr<Run> mine;
  {
    const MutexLock lock(mutex_);
    if (run_->stop.is_requested()) run_ = std::make_shared<Run>();
    mine = run_;
  }
  thread_ = std::thread([this, mine] {
    run(*mine);
    mine->ended.request();
  });
}

void Supervisor::stop() {
  const std::shared_ptr<Run> mine = run_of_thread();
  mine->stop.request();
  if (!thread_.joinable()) {
    mine->first_round.request();
    return;
  }
  if (!mine->ended.wait_for(kSlowStop)) warn_of_slow_start();
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

void Supervisor::set_stopped(std::size_t id) {
  const std::int64_t now_ms = clock_.wall_ms();
  const MutexLock lock(mutex_);
  ComponentStatus& status = find(id)->status;
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

bool Supervisor::is_started(std::size_t id) const {
  const MutexLock lock(mutex_);
  return find(id)->status.state == ComponentState::kStarted;
}

bool Supervisor::are_all_started() const {
  const MutexLock lock(mutex_);
  return std::all_of(entries_.begin(), entries_.end(), [](const auto& entry) {
    return entry->status.state == ComponentState::kStarted;
  });
}

void Supervisor::run(Run& run) {
  name_this_thread("supervisor", "");
  while (!run.stop.is_requested()) {
    try_all_due(run);
    run.first_round.request();
    const std::uint64_t due_ns = next_due_ns();
    if (due_ns == kNever) {
      run.stop.wait();
      break;
    }
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t left_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    run.stop.wait_for(std::chrono::milliseconds(left_ns / kNsPerMs + 1));
  }
  run.first_round.request();
}

void Supervisor::try_all_due(Run& run) {
  std::vector<Entry*> entries;
  {
    const MutexLock lock(mutex_);
    for (const auto& entry : entries_) entries.push_back(entry.get());
  }
  for (Entry* const entry : entries) {
    if (run.stop.is_requested()) return;
    if (is_due(*entry, clock_.monotonic_ns())) attempt(*entry);
  }
}

bool Supervisor::has_needs_started(const Entry& entry) const {
  for (const std::size_t need : entry.needs) {
    if (find(need)->status.state != ComponentState::kStarted) return false;
  }
  return true;
}

bool Supervisor::is_due(const Entry& entry, std::uint64_t now_ns) const {
  const MutexLock lock(mutex_);
  return entry.status.state != ComponentState::kStarted && entry.due_ns <= now_ns &&
         has_needs_started(entry);
}

void Supervisor::attempt(Entry& entry) {
  {
    const MutexLock lock(mutex_);
    attempted_ = &entry;
  }
  // Outside the lock: the status port must answer while a channel recovers. `start` and the name
  // are constant while the thread runs.
  const auto started = entry.start();

  const std::string kind(kind_name(entry.status.kind));
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::int64_t now_ms = clock_.wall_ms();
  MutexLock lock(mutex_);
  attempted_ = nullptr;
  if (started.has_value()) {
    entry.status.state = ComponentState::kStarted;
    entry.status.started_ms = now_ms;
    entry.status.last_error.clear();
    lock.unlock();
    log_info("agent.component_started", "a component has started",
             {{"kind", kind}, {"name", entry.status.name}, {"type", entry.status.type}});
    return;
  }
  const auto pause = entry.backoff.next();
  entry.status.state = ComponentState::kRetrying;
  entry.status.last_error = to_string(started.error());
  entry.due_ns = now_ns + static_cast<std::uint64_t>(pause.count()) * kNsPerMs;
  const std::uint64_t failures = ++entry.status.start_failures;
  lock.unlock();
  log_error("agent.start_failed", "a component did not start and will be tried again",
            {{"kind", kind},
             {"name", entry.status.name},
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
