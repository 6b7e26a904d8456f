// Supervisor: starts components in their order and keeps trying those that fail.
//
// Knows start functions and dependencies; what stopping means is Agent's. Flume's
// LifecycleSupervisor, without its polling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "agent/backoff.h"
#include "agent/component_status.h"
#include "agent/stop_signal.h"
#include "wal/base/clock.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// One thread calls every start function, one at a time, by kind and then in the order of add(). A
/// component is tried once everything it needs has started; a failure delays only it and those that
/// need it.
///
/// Between stop() and the next start() components may be added and removed; what has started stays
/// so, and what failed keeps its back-off. add(), remove(), set_needs(), start(), and stop() belong
/// to one thread at a time; the rest is thread-safe.
class Supervisor {
 public:
  /// `clock` outlives the supervisor. Due times use its monotonic time.
  Supervisor(const Clock& clock, const BackoffOptions& backoff, std::uint64_t seed);
  ~Supervisor() { stop(); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// While stopped. `needs` are results of add(). Returns what this component is called here.
  std::size_t add(ComponentStatus component, std::function<Result<void>()> start,
                  std::vector<std::size_t> needs);

  /// While stopped. The component is forgotten; none of those left needs it.
  void remove(std::size_t id);

  /// While stopped.
  void set_needs(std::size_t id, std::vector<std::size_t> needs);

  /// Returns at once; the work is done by the thread. Again after a stop().
  void start();

  /// No start function runs any more, and none will. Waits for the one in progress. Idempotent.
  void stop();

  /// Records that a component has been stopped; after stop().
  void set_stopped(std::size_t id);

  /// By kind, then in the order of add().
  [[nodiscard]] std::vector<ComponentStatus> status() const;
  [[nodiscard]] bool is_started(std::size_t id) const;
  [[nodiscard]] bool are_all_started() const;

  /// stop() has been called; it may not have returned yet.
  [[nodiscard]] bool is_stopping() const { return run_of_thread()->stop.is_requested(); }

  /// Waits until every component has been tried since start() or waits for one that failed.
  void wait_first_round() const { run_of_thread()->first_round.wait(); }

 private:
  struct Entry {
    std::size_t id = 0;
    ComponentStatus status;
    std::function<Result<void>()> start;
    std::vector<std::size_t> needs;
    Backoff backoff;
    std::uint64_t due_ns = 0;  // of the next try
  };

  /// From a start() to the stop() that follows it.
  struct Run {
    StopSignal stop;
    StopSignal first_round;
    StopSignal ended;  // by the thread, as its last act
  };

  [[nodiscard]] std::shared_ptr<Run> run_of_thread() const;
  void run(Run& run);
  void warn_of_slow_start() const;
  void try_all_due(Run& run);
  [[nodiscard]] bool is_due(const Entry& entry, std::uint64_t now_ns) const;
  void attempt(Entry& entry);
  [[nodiscard]] std::uint64_t next_due_ns() const;
  [[nodiscard]] bool has_needs_started(const Entry& entry) const REQUIRES(mutex_);
  [[nodiscard]] Entry* find(std::size_t id) const REQUIRES(mutex_);

  const Clock& clock_;
  const BackoffOptions backoff_;
  const std::uint64_t seed_;

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Entry>> entries_ GUARDED_BY(mutex_);  // changes while stopped only
  std::size_t next_id_ GUARDED_BY(mutex_) = 0;
  std::shared_ptr<Run> run_ GUARDED_BY(mutex_) = std::make_shared<Run>();

  const Entry* attempted_ GUARDED_BY(mutex_) = nullptr;  // whose start() runs now

  std::thread thread_;
};

}  // namespace spillway::agent
