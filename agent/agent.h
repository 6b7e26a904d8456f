// Agent: a pipeline that runs; it starts, drains and stops in the right order.
//
// Start: channels, sinks, sources (Supervisor retries what fails). Stop: sources; then the sinks,
// after they have drained the channels whose events would not outlast the stop; then channels.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/backoff.h"
#include "agent/component_status.h"
#include "agent/pipeline.h"
#include "agent/stop_signal.h"
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

  /// Goes over to `next` without touching what it shares with the running pipeline: stops the rest,
  /// starts what is new, gives sources that stay their new flow. What is in a channel that is left
  /// out and does not survive a stop goes to its sinks until `drain` has passed, or to the channel
  /// of the same name that takes its place. Returns when every new component has been tried once;
  /// false, and nothing has changed, after stop().
  bool replace(NextPipeline next, std::chrono::milliseconds drain);

  /// Cuts the draining of a stop() in progress, or of the next one, short.
  void hurry();

  enum class Switched : std::uint8_t { kDone, kUnknown, kNothingToSwitch };

  /// Sends what the channel of this name gets to disk at once, or no longer does.
  Switched force_spilling(std::string_view channel, bool is_forced);

  /// The same for all channels that can.
  void force_spilling(bool is_forced);

  [[nodiscard]] std::vector<ComponentStatus> status() const { return supervisor_.status(); }
  [[nodiscard]] bool is_ready() const { return supervisor_.are_all_started(); }
  /// What runs now; what a replace() takes out lives until the last such pointer is gone.
  [[nodiscard]] std::shared_ptr<const Pipeline> pipeline() const;

  /// Waits until every component has been tried once, or waits for one that failed.
  void wait_first_round() const { supervisor_.wait_first_round(); }

 private:
  void supervise(const std::shared_ptr<LiveChannel>& channel) REQUIRES(lifecycle_mutex_);
  void supervise(const std::shared_ptr<SinkUnit>& unit) REQUIRES(lifecycle_mutex_);
  void supervise(const std::shared_ptr<SourceUnit>& unit) REQUIRES(lifecycle_mutex_);
  [[nodiscard]] std::vector<std::size_t> ids_of(
      const std::vector<std::shared_ptr<LiveChannel>>& channels) const REQUIRES(lifecycle_mutex_);

  void stop(const std::vector<std::shared_ptr<SourceUnit>>& sources) REQUIRES(lifecycle_mutex_);
  void drain(const std::vector<std::shared_ptr<SinkGroupUnit>>& groups,
             const std::vector<std::shared_ptr<LiveChannel>>& channels,
             std::chrono::milliseconds drain_max) REQUIRES(lifecycle_mutex_);
  void stop(const std::vector<std::shared_ptr<SinkGroupUnit>>& groups,
            const std::vector<std::shared_ptr<SinkUnit>>& sinks) REQUIRES(lifecycle_mutex_);
  void stop(const std::vector<std::shared_ptr<LiveChannel>>& channels) REQUIRES(lifecycle_mutex_);

  static void start_group(SinkGroupUnit& group);  // supervisor's thread, or while it is stopped
  void publish(std::shared_ptr<const Pipeline> next);
  /// Sources in `late` are left to be supervised later.
  void adopt(const Pipeline& former, const Pipeline& next,
             const std::vector<std::shared_ptr<SourceUnit>>& late) REQUIRES(lifecycle_mutex_);
  void start_supervisor() REQUIRES(lifecycle_mutex_);
  void move_events(LiveChannel& from, LiveChannel& to, std::chrono::milliseconds move_max);

  Supervisor supervisor_;
  StopSignal hurried_;

  mutable Mutex pipeline_mutex_;  // held for as long as it takes to copy a pointer
  std::shared_ptr<const Pipeline> pipeline_ GUARDED_BY(pipeline_mutex_);

  Mutex lifecycle_mutex_;  // held through stop() and replace()
  bool is_stopped_ GUARDED_BY(lifecycle_mutex_) = false;
  bool is_started_ GUARDED_BY(lifecycle_mutex_) = false;
  // What the supervisor calls the channels, sinks and sources that run.
  std::map<const void*, std::size_t> ids_ GUARDED_BY(lifecycle_mutex_);
};

}  // namespace spillway::agent
