// SinkRunner: the thread that moves events from a channel into a sink.
//
// take -> deliver -> commit, or rollback and a pause: the same events then come again. Owns the
// batch and drain counters of its sink; the sink owns its connections'. Flume: SinkRunner.
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
#include "channel/channel.h"

namespace spillway::agent {

struct SinkRunnerOptions {
  BackoffOptions failure = {};
  std::chrono::milliseconds idle_wait{500};  // between two empty deliver() calls
  std::uint64_t seed = 1;
};

/// start() and join() belong to one thread at a time; the rest is thread-safe.
class SinkRunner {
 public:
  /// `sink` and `channel` outlive the runner; `clock` only measures. Nothing runs before start().
  SinkRunner(std::string name, Sink& sink, channel::Channel& channel, const Clock& clock,
             const SinkRunnerOptions& options);
  ~SinkRunner() { join(); }
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;

  /// Once, after the sink and its channel have started.
  void start();

  /// Goes on until the channel is empty, then ends. Producers must have stopped.
  void request_drain();

  /// Ends after the batch in hand: it is delivered and committed, or rolled back.
  void request_stop();

  /// Waits up to `duration` for the end of the thread; true when it has ended or never ran.
  bool wait_ended(std::chrono::milliseconds duration);

  /// Implies request_stop(); returns when the thread has ended. Idempotent.
  void join();

  void collect(MetricSink& sink) const;

 private:
  enum class Round : std::uint8_t { kDelivered, kEmpty, kFailed };

  void run();
  Round run_round(bool is_draining);
  Round deliver_and_commit(channel::TakeTransaction& transaction);
  Round fail(const char* id, const Error& error);
  void succeed();
  void count_batch(std::size_t events);

  const std::string name_;
  Sink& sink_;
  channel::Channel& channel_;
  const Clock& clock_;
  const std::chrono::milliseconds idle_wait_;
  const std::size_t events_max_;

  Backoff failure_backoff_;  // run thread

  StopSignal stop_;
  StopSignal ended_;                      // by the run thread, as its last act
  std::atomic<bool> is_running_{false};   // from start() until the thread is past its last take
  std::atomic<bool> is_draining_{false};  // orders nothing: producers have stopped before it is set
  FailureEpisode episode_;
  Histogram deliver_ns_;
  Histogram batch_events_;
  std::thread thread_;
};

}  // namespace spillway::agent
