// The events held in memory, in the order of their puts, kept as the batches they came in.
//
// Producers meet nobody but each other, at one atomic word; consumers take under a mutex, because a
// take may split a batch and a rollback must find its place. Room is Capacity's, lifecycle and
// counters are the channel's.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "channel/doorbell.h"
#include "channel/event_batch.h"
#include "channel/inbox.h"
#include "channel/memory_runs.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"

namespace spillway::channel {

/// Thread-safe. Nothing is copied or encoded under the mutex.
class MemoryQueue {  // NOLINT(clang-analyzer-optin.performance.Padding): a cache line for each side
 public:
  explicit MemoryQueue(std::uint64_t slot_bytes) : runs_(slot_bytes) {}
  ~MemoryQueue();
  MemoryQueue(const MemoryQueue&) = delete;
  MemoryQueue& operator=(const MemoryQueue&) = delete;

  /// Appends a batch of at least one event, whose bodies take `slots`; false when closed. Never
  /// waits.
  bool push(std::shared_ptr<const EventBatch> batch, std::uint64_t slots, std::uint64_t put_ns);

  /// `put_ns` of the oldest batch that has not been taken; nullopt when there is none.
  [[nodiscard]] std::optional<std::uint64_t> oldest_put_ns();

  /// Removes up to `events_max` of the oldest events, waiting up to `wait` for the first one.
  /// Empty when there was none in time or interrupt() came; kClosed after close().
  Result<std::vector<MemoryRun>> take(std::size_t events_max, std::chrono::milliseconds wait);

  /// Returns taken runs to their place: in front of everything younger. Also after close().
  void put_back(std::vector<MemoryRun> runs);

  /// Ends the take() calls that wait now.
  void interrupt();

  /// Fails present and later take() and push() calls. Idempotent.
  void close();

 private:
  [[nodiscard]] bool has_events() const;
  void collect() REQUIRES(mutex_);
  std::vector<MemoryRun> pop(std::size_t events_max) REQUIRES(mutex_);

  alignas(64) Inbox<MemoryPut> inbox_;  // younger than all runs_
  Doorbell<> available_;
  std::atomic<std::uint64_t> interrupts_{0};  // calls of interrupt()
  std::atomic<bool> is_closed_{false};
  std::atomic<bool> has_runs_{false};  // for who is about to sleep; see Doorbell

  alignas(64) Mutex mutex_;
  MemoryRuns runs_ GUARDED_BY(mutex_);
};

}  // namespace spillway::channel
