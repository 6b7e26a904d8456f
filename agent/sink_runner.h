// SinkRunner: the thread of a sink, or of a group of sinks.
//
// Calls the processor round after round and pauses when a round fails. What a round does is
// SinkPump's, which sink does it the SinkProcessor's. Flume: SinkRunner.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "agent/backoff.h"
#include "agent/sink_groups/sink_processor.h"
#include "agent/stop_signal.h"

namespace spillway::agent {

struct SinkRunnerOptions {
  BackoffOptions failure = {};
  std::chrono::milliseconds idle_wait{500};  // between two empty deliver() calls
  std::uint64_t seed = 1;
};

/// start() and join() belong to one thread at a time; the rest is thread-safe.
class SinkRunner {
 public:
  /// `processor` outlives the runner. Nothing runs before start().
  SinkRunner(std::string name, SinkProcessor& processor, const SinkRunnerOptions& options);
  ~SinkRunner() { join(); }
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;

  /// After the first sink and its channel have started; does nothing when called again.
  void start();

  /// Goes on until the channels of the started sinks are empty, then ends. Producers must have
  /// stopped.
  void request_drain();

  /// Ends after the batch in hand: it is delivered and committed, or rolled back.
  void request_stop();

  /// Waits up to `duration` for the end of the thread, which must have been asked for; true when it
  /// has ended or never ran.
  bool wait_ended(std::chrono::milliseconds duration);

  /// Implies request_stop(); returns when the thread has ended. Idempotent.
  void join();

 private:
  void run();
  void interrupt();
  [[nodiscard]] bool are_channels_empty() const;

  const std::string name_;
  SinkProcessor& processor_;
  const std::chrono::milliseconds idle_wait_;

  Backoff failure_backoff_;  // run thread

  StopSignal stop_;
  StopSignal ended_;                      // by the run thread, as its last act
  std::atomic<bool> is_running_{false};   // from start() until the thread is past its last take
  std::atomic<bool> is_draining_{false};  // orders nothing: producers have stopped before it is set
  std::thread thread_;
};

}  // namespace spillway::agent
