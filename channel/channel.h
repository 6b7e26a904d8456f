// The contract every channel keeps; docs/durability.md says what each type survives.
//
// A put is one transaction: all of a batch or nothing. What a sink takes stays the channel's until
// it is acknowledged: commit() drops it for good, rollback() returns it to the front, in order.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "channel/event.h"
#include "channel/event_batch.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"

namespace spillway::channel {

/// Flume's channel counters (docs/operations.md, "Metrics"); one writer or many, relaxed.
struct ChannelCounters {
  Counter put_attempts;
  Counter put_successes;
  Counter put_errors;
  Counter take_attempts;
  Counter take_successes;
  Counter take_errors;
};

class Channel;

/// Events taken and not yet acknowledged. Movable; belongs to one thread at a time. Destroying it
/// without commit() rolls back. Must not outlive its channel.
class TakeTransaction {
 public:
  TakeTransaction() = default;
  TakeTransaction(const TakeTransaction&) = delete;
  TakeTransaction& operator=(const TakeTransaction&) = delete;
  virtual ~TakeTransaction() = default;

  /// Oldest first; empty when the channel had nothing. Views die with the transaction.
  [[nodiscard]] virtual std::span<const EventView> events() const = 0;

  /// Acknowledges all events; afterwards the transaction is finished. On error they are returned
  /// to the channel and will be taken again.
  virtual Result<void> commit() = 0;

  /// Returns all events to the front of the channel in their order; the transaction is finished.
  virtual void rollback() = 0;
};

/// Thread-safe from start() to stop(): any number of producers and consumers.
/// Lifecycle: create -> start -> stop; stop() is idempotent and also follows a failed start().
class Channel {
 public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  virtual ~Channel() = default;

  /// Opens and recovers. Operating errors only (kLocked, kIo, kCorrupt …); may be retried.
  virtual Result<void> start() = 0;

  /// Fails waiting puts and takes with kClosed, makes what was committed durable and closes.
  /// No transaction may be open any more.
  virtual void stop() = 0;

  /// Commits `batch` as one transaction; an empty batch succeeds. Waits up to keep-alive for room.
  ///
  /// kFull: no room in time, nothing was put. kTooLarge: more events than transactionCapacity or
  /// an event beyond the channel's size limit. kClosed: stopped or failed; the batch may or may
  /// not be present after a restart. Any success is as durable as the channel's mode says.
  virtual Result<void> put(const EventBatch& batch) = 0;

  /// Takes up to `events_max` (at least 1, at most transactionCapacity) of the oldest events.
  /// Waits up to `wait` for the first one. An empty transaction means there was none in time.
  virtual Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                        std::chrono::milliseconds wait) = 0;

  /// Wakes takes that wait, so that their threads can stop; they return an empty transaction.
  virtual void interrupt_takes() = 0;

  /// Events put and not yet acknowledged: queued plus taken (Flume's ChannelSize).
  [[nodiscard]] virtual std::uint64_t size_events() const = 0;
  [[nodiscard]] virtual std::uint64_t capacity_events() const = 0;
  [[nodiscard]] virtual std::uint64_t transaction_capacity() const = 0;
  [[nodiscard]] virtual const ChannelCounters& counters() const = 0;

  /// Does what was committed outlast a clean stop()? Constant. If not, the agent has its sinks
  /// drain the channel before it stops.
  [[nodiscard]] virtual bool survives_stop() const { return false; }

  /// The value of the last bookmark with this key (EventBatch::set_bookmark) among the puts that
  /// are durable, or nullopt; what it says after a put has failed tells whether that is in the
  /// channel. kUnsupported: the channel keeps none. Other errors: not known before the next
  /// start().
  [[nodiscard]] virtual Result<std::optional<std::string>> bookmark(
      std::string_view /*key*/) const {
    return Error{.code = Errc::kUnsupported, .what = "the channel keeps no bookmarks"};
  }

  /// Has it met an error that only stop() and start() can clear? Puts and takes then fail.
  [[nodiscard]] virtual bool is_failed() const { return false; }

  /// From now on everything goes through the disk at once, or no longer does: for a planned outage
  /// of what is behind the sinks. False: this channel has nothing to switch. Thread-safe, at any
  /// time; outlasts stop() and start().
  virtual bool force_spilling(bool /*is_forced*/) { return false; }

  /// What is particular to this type: durable lag, segments, recovery findings. Thread-safe.
  virtual void collect(MetricSink& sink) const = 0;
};

}  // namespace spillway::channel
