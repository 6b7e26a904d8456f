// SinkPump: one round of moving events from a channel into a sink.
//
// take -> deliver -> commit, or rollback: the same events then come again. Owns the batch and drain
// counters of its sink; the sink owns its connections'. When and how often is the runner's, which
// sink of a group is the SinkProcessor's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "agent/component.h"
#include "agent/dead_letters.h"
#include "agent/failure_episode.h"
#include "agent/open_flag.h"
#include "agent/stop_signal.h"
#include "channel/channel.h"

namespace spillway::agent {

enum class Round : std::uint8_t { kDelivered, kEmpty };

struct RoundOptions {
  std::chrono::milliseconds wait{500};  // for the first event
  bool is_idle_told = true;             // an empty channel: deliver({}), for time-based work
};

/// run() belongs to one thread at a time; the rest is thread-safe.
class SinkPump {
 public:
  /// What is referred to outlives the pump; `clock` only measures. `open` says whether the sink has
  /// started: nothing runs before.
  SinkPump(std::string name, Sink& sink, channel::Channel& channel, const OpenFlag& open,
           const Clock& clock);

  /// For events the sink refuses; outlives the pump. Without one they are lost, counted and logged.
  void set_dead_letters(DeadLetters& dead_letters) { dead_letters_ = &dead_letters; }

  /// Failures are counted and logged here, once per episode; the error is for who decides what is
  /// next. The idle call is left out once `stop` is requested.
  Result<Round> run(const RoundOptions& options, const StopSignal& stop);

  /// Wakes a run() that waits for events, and when stopping the sink that pauses within one. Lost
  /// on a run() that begins to wait only now: call it again.
  void interrupt(bool is_stopping);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool is_open() const { return open_.is_set(); }
  [[nodiscard]] const channel::Channel& channel() const { return channel_; }

  void collect(MetricSink& sink) const;

 private:
  Result<Round> deliver_and_commit(channel::TakeTransaction& transaction);
  Result<void> deliver(std::span<const channel::EventView> batch);
  Result<void> keep_refused(std::span<const channel::EventView> batch,
                            std::span<const RefusedEvent> refused);
  Error fail(const char* id, const Error& error);
  void succeed();
  void count_batch(std::size_t events);

  const std::string name_;
  Sink& sink_;
  channel::Channel& channel_;
  const OpenFlag& open_;
  const Clock& clock_;
  const std::size_t events_max_;
  DeadLetters* dead_letters_ = nullptr;

  std::atomic<bool> is_taking_{false};      // others of the channel need not be woken in vain
  std::atomic<bool> is_delivering_{false};  // an open sink that does not run has no pause

  FailureEpisode episode_;
  Counter refused_events_;
  Counter dead_letters_added_;
  Histogram deliver_ns_;
  Histogram batch_events_;
};

}  // namespace spillway::agent
