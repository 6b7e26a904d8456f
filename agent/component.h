// What sources and sinks have in common, and how a component type is described to the agent.
// Contract in prose: docs/components.md, "Contract".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "channel/event.h"
#include "channel/event_batch.h"
#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"

namespace spillway::agent {

class Config;  // validated option values of one component, agent/config.h

enum class OptionType : std::uint8_t {
  kString,
  kPath,
  kBytes,    // number, or 64KiB 16MiB 1GiB
  kMillis,   // number of milliseconds, or 250ms 3s 5min
  kSeconds,  // number of seconds, or 250ms 3s 5min
  kCount,
  kBool,  // only "true" (any case) is true, "false" false; the rest is refused
  kEnum,  // one of `choices`, any case
  kList,  // split on white space
};

/// One documented option. Validation, `spillway components` and docs/components.md are made from
/// these rows and from nothing else.
struct OptionSpec {
  std::string_view name;  // a trailing ".*" accepts every key below the prefix: "filegroups.*"
  OptionType type = OptionType::kString;
  std::string_view default_value = {};  // ignored when required
  std::string_view help = {};           // one sentence
  bool is_required = false;
  std::uint64_t min = 0;  // kBytes, kMillis, kSeconds, kCount: in the option's unit
  std::uint64_t max = UINT64_MAX;
  std::string_view choices = {};       // kEnum: "a|b|c"
  std::string_view notice = {};        // set for an accepted key without effect: says why
  std::string_view notice_value = {};  // kEnum: the notice is for this choice only
};

/// Where a source hands its events: interceptors, selector and channels are behind it.
class EventReceiver {
 public:
  EventReceiver() = default;
  EventReceiver(const EventReceiver&) = delete;
  EventReceiver& operator=(const EventReceiver&) = delete;
  virtual ~EventReceiver() = default;

  /// Success: every required channel has committed the whole batch. Failure: the source keeps the
  /// events and tries again, or tells its client (some channels may have committed: duplicates).
  /// Blocks for at most the channels' keep-alive. Thread-safe.
  virtual Result<void> receive(const channel::EventBatch& batch) = 0;

  /// Channel::bookmark() of the channel behind it. kUnsupported: it keeps none, or there are
  /// several channels, which would not agree. Thread-safe.
  [[nodiscard]] virtual Result<std::optional<std::string>> bookmark(
      std::string_view /*key*/) const {
    return Error{.code = Errc::kUnsupported, .what = "no bookmarks are kept"};
  }
};

/// Flume's source counters; every source counts what it gets and what was accepted.
struct SourceCounters {
  Counter events_received;
  Counter events_accepted;
  Counter append_received;
  Counter append_accepted;
  Counter append_batches_received;
  Counter append_batches_accepted;
  Counter open_connections;  // opened; the gauge is the difference
  Counter closed_connections;
  Counter read_failures;
  Counter channel_write_failures;
  Counter processing_failures;
};

/// Flume's sink counters; the sink runner counts batches and drains, the sink its connections.
struct SinkCounters {
  Counter connections_created;
  Counter connections_closed;
  Counter connections_failed;
  Counter batches_empty;
  Counter batches_underflow;
  Counter batches_complete;
  Counter drain_attempts;
  Counter drain_successes;
  Counter write_failures;
  Counter channel_read_failures;
};

/// Lifecycle: create -> start -> stop. start() returns quickly and may fail; it is retried with
/// back-off. stop() also follows a failed start() or none, is idempotent, and returns only when no
/// thread of the component runs any more.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual Result<void> start() = 0;
  virtual void stop() = 0;

  enum class Poll : std::uint8_t {
    kReady,      // did something: call again at once
    kIdle,       // nothing to do: call again after a back-off
    kFinished,   // will never have anything again
    kNotPolled,  // event-driven: never call again
  };

  /// One round of a polled source, on its runner's thread: collect up to a batch, receive() it.
  /// An error means nothing of this round was accepted; the runner backs off and calls again.
  virtual Result<Poll> poll() { return Poll::kNotPolled; }

  [[nodiscard]] const SourceCounters& counters() const { return counters_; }
  virtual void collect(MetricSink&) const {}

 protected:
  SourceCounters counters_;
};

/// An event of a batch that the store behind a sink will never take.
struct RefusedEvent {
  std::size_t index = 0;  // into the batch
  std::string reason;     // one line, for people
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  virtual Result<void> start() = 0;
  virtual void stop() = 0;

  /// Most events this sink wants in one batch; constant after construction.
  [[nodiscard]] virtual std::size_t batch_size() const = 0;

  /// Delivers a whole batch or fails; after a failure the same events come again, so a sink must
  /// tolerate seeing an event twice. Called by one thread at a time, between start and stop.
  /// Also called with an empty batch when the channel is idle, so that time-based work goes on.
  /// Events for which it has called refuse() are not delivered and do not come again.
  virtual Result<void> deliver(std::span<const channel::EventView> batch) = 0;

  /// Ends the pauses of the deliver() that runs now: the agent wants to stop. Called by any thread,
  /// as often as it takes.
  virtual void interrupt() {}

  /// What the last deliver() refused for good; for its caller, which takes it every time. After a
  /// failed deliver() it means nothing: the whole batch comes again.
  std::vector<RefusedEvent> take_refused() { return std::exchange(refused_, {}); }

  [[nodiscard]] const SinkCounters& counters() const { return counters_; }
  [[nodiscard]] SinkCounters& counters() { return counters_; }
  virtual void collect(MetricSink&) const {}

 protected:
  /// For deliver(): the store will never take event `index` of the batch. The runner sends it to
  /// the sink's dead letters, or counts and logs its loss; the sink goes on with the other events.
  void refuse(std::size_t index, std::string reason) {
    refused_.push_back({index, std::move(reason)});
  }

  SinkCounters counters_;

 private:
  std::vector<RefusedEvent> refused_;
};

/// What a component may need from the process. Outlives every component.
struct ComponentContext {
  std::string name;  // the component's name in the configuration
  const Clock* clock = nullptr;
};

struct SourceType {
  std::string_view name;        // the value of `type`, matched in any case
  std::string_view java_class;  // Flume's class name, accepted too
  std::string_view help;        // one sentence
  std::span<const OptionSpec> options;
  std::size_t (*batch_size)(const Config& config);  // most events in one receive(), for validation
  Result<std::unique_ptr<Source>> (*create)(const ComponentContext& context, const Config& config,
                                            EventReceiver& receiver);
  std::vector<std::string> (*examine)(const Config& config) = nullptr;  // as ChannelType's
};

struct SinkType {
  std::string_view name;
  std::string_view java_class;
  std::string_view help;
  std::span<const OptionSpec> options;
  std::size_t (*batch_size)(const Config& config);
  Result<std::unique_ptr<Sink>> (*create)(const ComponentContext& context, const Config& config);
  std::vector<std::string> (*examine)(const Config& config) = nullptr;  // as ChannelType's
};

struct ChannelType {
  std::string_view name;
  std::string_view java_class;
  std::string_view help;
  std::span<const OptionSpec> options;
  std::uint64_t (*transaction_capacity)(const Config& config);
  Result<std::unique_ptr<channel::Channel>> (*create)(const ComponentContext& context,
                                                      const Config& config);
  // What start() would trip over on this host, for `spillway check`: sentences; reads files, and
  // writes none. Optional.
  std::vector<std::string> (*examine)(const Config& config) = nullptr;
};

}  // namespace spillway::agent
