// RetryingBatch: events of a source that cannot ask its origin to repeat them.
//
// Collects events into transactions and offers each one until the channels accept it or the source
// stops; the caller is blocked meanwhile, which is the back-pressure. Only then are events dropped,
// and those that no channel can hold; both are counted and logged (`source.*` ids).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/component.h"
#include "agent/wake_event.h"
#include "channel/event_batch.h"

namespace spillway::agent {

struct RetryingBatchOptions {
  std::string source_name;
  std::size_t events_max = 100;
  std::uint64_t timeout_ns = 0;  // longest time an event waits for the batch to fill
};

/// One thread at a time, except dropped_count(). What it is given by reference must outlive it.
class RetryingBatch {
 public:
  RetryingBatch(RetryingBatchOptions options, EventReceiver& receiver, SourceCounters& counters,
                const WakeEvent& stop, const Clock& clock);

  /// Adds one event; flushes when the batch is full.
  void add(std::string_view body);

  /// When flush() is due, on the monotonic clock; nullopt while there is nothing to flush.
  [[nodiscard]] std::optional<std::uint64_t> due_at_ns() const;

  /// Returns when the events are accepted, or dropped because `stop` is set.
  void flush();

  /// Events dropped so far. Thread-safe.
  [[nodiscard]] std::uint64_t dropped_count() const { return dropped_.value(); }

 private:
  // Offers `batch` until it is accepted or too large, or the source stops (kClosed).
  Result<void> offer(const channel::EventBatch& batch);
  void offer_one_by_one();
  void give_up(std::size_t events);

  const RetryingBatchOptions options_;
  EventReceiver& receiver_;
  SourceCounters& counters_;
  const WakeEvent& stop_;
  const Clock& clock_;

  channel::EventBatch batch_;
  std::uint64_t due_at_ns_ = 0;  // meaningful while batch_ holds events
  bool is_giving_up_ = false;    // stopping, and the channels refuse; never reset
  Counter dropped_;
};

}  // namespace spillway::agent
