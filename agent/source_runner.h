// SourceRunner: the thread of a polled source.
//
// Calls poll() while there is work, pauses when there is none or when it fails. An event-driven
// source says kNotPolled once and the thread ends. Flume: PollableSourceRunner.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "agent/backoff.h"
#include "agent/component.h"
#include "agent/failure_episode.h"
#include "agent/stop_signal.h"

namespace spillway::agent {

struct SourceRunnerOptions {
  IdleDelayOptions idle = {};
  BackoffOptions failure = {};
  std::uint64_t seed = 1;
};

/// start() and join() belong to one thread at a time; the rest is thread-safe.
class SourceRunner {
 public:
  /// `source` outlives the runner. Nothing runs before start().
  SourceRunner(std::string name, Source& source, const SourceRunnerOptions& options);
  ~SourceRunner() { join(); }
  SourceRunner(const SourceRunner&) = delete;
  SourceRunner& operator=(const SourceRunner&) = delete;

  /// Once, after the source has started.
  void start();

  /// The poll in progress ends as it would; there is no other. Idempotent.
  void request_stop() { stop_.request(); }

  /// Waits up to `duration` for the end of the thread; true when it has ended or never ran.
  bool wait_ended(std::chrono::milliseconds duration);

  /// Implies request_stop(); returns when the thread has ended. Idempotent.
  void join();

  /// The source said kFinished.
  [[nodiscard]] bool is_finished() const { return is_finished_.load(std::memory_order_relaxed); }

  void collect(MetricSink& sink) const;

 private:
  void run();
  void pause_after_failure(const Error& error);
  void end_episode();

  const std::string name_;
  Source& source_;

  Backoff failure_backoff_;  // run thread
  IdleDelay idle_delay_;     // run thread

  StopSignal stop_;
  StopSignal ended_;                      // by the run thread, as its last act
  std::atomic<bool> is_finished_{false};  // a flag for the status port; orders nothing
  FailureEpisode episode_;
  Counter polls_;
  Counter idle_polls_;
  Counter failed_polls_;
  std::thread thread_;
};

}  // namespace spillway::agent
