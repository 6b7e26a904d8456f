// Agent: a pipeline that runs; it starts, drains and stops in the right order.
//
// Start: channels, sinks, sources (Supervisor retries what fails). Stop: sources; then the sinks,
// after they have drained the channels whose events would not outlast the stop; then channels.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "agent/backoff.h"
#include "agent/component_status.h"
#include "agent/pipeline.h"
#include "agent/supervisor.h"
#include "wal/base/clock.h"
#include "wal/base/mutex.h"

namespace spillway::agent {

struct LifecycleOptions {
  BackoffOptions start_retry{.initial = std::chrono::milliseconds(500),
                             .max = std::chrono::milliseconds(30000)};
  std::uint64_t seed = 1;
};

/// Thread-safe.
class Agent {
 public:
  /// `clock` outlives the agent.
  Agent(Pipeline pipeline, const Clock& clock, const LifecycleOptions& options);
  /// Stops without draining, unless stop() has been called.
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  /// Returns at once; starting goes on in the background until all components run or stop(). Once.
  void start();

  /// Returns when no thread of the agent runs any more. Sinks keep taking from channels that do
  /// not survive a stop until those are empty or `drain` has passed. Later calls wait for the
  /// first one and do nothing.
  void stop(std::chrono::milliseconds drain);

  /// Cuts the draining of a stop() in progress, or of the next one, short.
  void hurry();

  enum class Switched : std::uint8_t { kDone, kUnknown, kNothingToSwitch };

  /// Sends what the channel of this name gets to disk at once, or no longer does.
  Switched force_spilling(std::string_view channel, bool is_forced);

  /// The same for all channels that can.
  void force_spilling(bool is_forced);

  [[nodiscard]] std::vector<ComponentStatus> status() const { return supervisor_.status(); }
  [[nodiscard]] bool is_ready() const { return supervisor_.are_all_started(); }
  [[nodiscard]] const Pipeline& pipeline() const { return pipeline_; }

  /// Waits until every component has been tried once, or waits for one that failed.
  void wait_first_round() { supervisor_.wait_first_round(); }

 private:
  void supervise_channels();
  void supervise_sinks();
  void supervise_sources();
  void stop_sources();
  void drain_sinks(std::chrono::milliseconds drain);
  void stop_sinks();
  void stop_channels();
  [[nodiscard]] bool must_drain(const SinkGroupUnit& group) const;

  Pipeline pipeline_;
  Supervisor supervisor_;
  std::vector<std::size_t> channel_ids_;  // supervisor indices, parallel to pipeline_.channels
  std::vector<std::size_t> sink_ids_;     // parallel to pipeline_.sinks
  std::vector<std::size_t> source_ids_;   // parallel to pipeline_.sources

  Mutex stop_mutex_;  // held through stop()
  bool is_stopped_ GUARDED_BY(stop_mutex_) = false;
};

}  // namespace spillway::agent
