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

/// One thread calls every start function, one at a time, in the order of add(). A component is
/// tried once everything it needs has started; a failure delays only it and those that need it.
///
/// add(), start(), and stop() belong to one thread at a time; the rest is thread-safe.
class Supervisor {
 public:
  /// `clock` outlives the supervisor. Due times use its monotonic time.
  Supervisor(const Clock& clock, const BackoffOptions& backoff, std::uint64_t seed);
  ~Supervisor() { stop(); }
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Before start(). `needs` are earlier results of add(). Returns this component's index.
  std::size_t add(ComponentStatus component, std::function<Result<void>()> start,
                  std::vector<std::size_t> needs);

  /// Returns at once; the work is done by the thread.
  void start();

  /// No start function runs any more, and none will. Waits for the one in progress. Idempotent.
  void stop();

  /// Records that a component has been stopped; after stop().
  void set_stopped(std::size_t index);

  [[nodiscard]] std::vector<ComponentStatus> status() const;
  [[nodiscard]] bool is_started(std::size_t index) const;
  [[nodiscard]] bool are_all_started() const;

  /// stop() has been called; it may not have returned yet.
  [[nodiscard]] bool is_stopping() const { return stop_.is_requested(); }

  /// Waits until every component has been tried or waits for one that failed.
  void wait_first_round() { first_round_.wait(); }

 private:
  struct Entry {
    ComponentStatus status;
    std::function<Result<void>()> start;
    std::vector<std::size_t> needs;
    Backoff backoff;
    std::uint64_t due_ns = 0;  // of the next try
  };

  void run();
  void warn_of_slow_start() const;
  void try_all_due();
  [[nodiscard]] bool is_due(std::size_t index, std::uint64_t now_ns) const;
  void attempt(std::size_t index);
  [[nodiscard]] std::uint64_t next_due_ns() const;
  [[nodiscard]] bool has_needs_started(const Entry& entry) const REQUIRES(mutex_);

  const Clock& clock_;
  const BackoffOptions backoff_;
  const std::uint64_t seed_;

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Entry>> entries_ GUARDED_BY(mutex_);  // grows before start() only

  const Entry* attempted_ GUARDED_BY(mutex_) = nullptr;  // whose start() runs now

  StopSignal stop_;
  StopSignal first_round_;
  StopSignal ended_;  // by the thread, as its last act
  std::thread thread_;
};

}  // namespace spillway::agent
