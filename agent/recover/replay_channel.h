// The events of an offline channel as a channel that sinks take from; the files are never written.
//
// What sinks acknowledge is noted in the ReplayState, so that nothing of it comes again.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/recover/event_reader.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/replay_state.h"
#include "agent/stop_signal.h"
#include "channel/channel.h"
#include "channel/event_batch.h"
#include "wal/base/clock.h"
#include "wal/base/mutex.h"

namespace spillway::agent::recover {

/// Thread-safe, for any number of sinks. Ends by itself: when everything is sent, or when it cannot
/// go on, it says so by `ended`.
class ReplayChannel final : public channel::Channel {
 public:
  struct Hooks {
    StopSignal* ended = nullptr;  // requested at the end
    std::function<void(const EventReader::Step&)> on_damage{};
    std::function<void(const EventReader&)> on_read{};
    // Asked now and then: why not to go on; empty: nothing against it.
    std::function<std::string()> find_obstacle{};
  };

  /// `reader`, what it reads and `state` outlive the channel. `events_per_second`: 0 for as many as
  /// possible.
  ReplayChannel(EventReader& reader, ReplayState& state, std::uint64_t events_per_second,
                wal::Sequence end, Hooks hooks, const Clock& clock);

  Result<void> start() override { return {}; }
  void stop() override { interrupt_takes(); }

  /// kUnsupported.
  Result<void> put(const channel::EventBatch& batch) override;
  Result<std::unique_ptr<channel::TakeTransaction>> take(std::size_t events_max,
                                                         std::chrono::milliseconds wait) override;
  void interrupt_takes() override;

  /// Taken and not acknowledged; how many are not read yet is not known.
  [[nodiscard]] std::uint64_t size_events() const override;
  [[nodiscard]] std::uint64_t capacity_events() const override { return UINT64_MAX; }
  [[nodiscard]] std::uint64_t transaction_capacity() const override { return kTransactionEvents; }
  [[nodiscard]] const channel::ChannelCounters& counters() const override { return counters_; }
  [[nodiscard]] bool survives_stop() const override { return true; }
  void collect(MetricSink&) const override {}

  [[nodiscard]] std::uint64_t sent_events() const;
  /// Everything is sent, and noted.
  [[nodiscard]] bool is_complete() const;
  /// Why it ended before that; empty when nothing is wrong.
  [[nodiscard]] std::string problem() const;

 private:
  static constexpr std::uint64_t kTransactionEvents = 10'000;

  /// Events that were read together. Immutable once made.
  struct Batch {
    channel::EventBatch events;
    std::vector<wal::Sequence> starts;  // of what each event stands for: itself and what was
                                        // passed over before it
    wal::Sequence end;
  };
  struct Run {
    std::shared_ptr<const Batch> batch;
    std::size_t begin = 0;
    std::size_t end = 0;

    [[nodiscard]] std::size_t size() const { return end - begin; }
    [[nodiscard]] wal::SequenceRange entries() const;
  };
  class Take;

  Result<void> acknowledge(const Run& run);
  void give_back(Run run);
  Result<Run> next_run(std::size_t events_max) REQUIRES(mutex_);
  Result<Run> read_run(std::size_t events_max) REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t pause_ns() const REQUIRES(mutex_);
  [[nodiscard]] bool can_take() const REQUIRES(mutex_);
  void end_if_done() REQUIRES(mutex_);
  Error fail(const std::string& problem) REQUIRES(mutex_);

  EventReader& reader_;
  ReplayState& state_;
  const std::uint64_t events_per_second_;
  const wal::Sequence end_;
  const Hooks hooks_;
  const Clock& clock_;
  channel::ChannelCounters counters_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Run> returned_ GUARDED_BY(mutex_);
  wal::Sequence read_end_ GUARDED_BY(mutex_);  // everything before it has been handed out
  std::uint64_t open_events_ GUARDED_BY(mutex_) = 0;
  std::uint64_t sent_events_ GUARDED_BY(mutex_) = 0;
  std::uint64_t interrupts_ GUARDED_BY(mutex_) = 0;
  std::uint64_t read_at_ns_ GUARDED_BY(mutex_) = 0;  // not before, for the rate
  std::uint64_t look_at_ns_ GUARDED_BY(mutex_) = 0;  // for obstacles
  bool is_all_read_ GUARDED_BY(mutex_) = false;
  bool is_complete_ GUARDED_BY(mutex_) = false;
  std::string problem_ GUARDED_BY(mutex_);
};

}  // namespace spillway::agent::recover
