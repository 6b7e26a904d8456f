// The events of a memory channel in the order of their puts, kept as the batches they came in.
//
// Owns order and waiting takers; room is Capacity's, lifecycle and counters are MemoryChannel's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "channel/event_batch.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"

namespace spillway::channel {

/// Neighbouring events of one batch. The batch is shared by all its runs and never changes.
struct MemoryRun {
  std::shared_ptr<const EventBatch> batch = nullptr;
  std::size_t begin = 0;             // index of the first event
  std::size_t end = 0;               // behind the last event; > begin
  std::uint64_t first_sequence = 0;  // of event `begin`, since the queue was created

  [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// Thread-safe. One mutex, held for pointer work only: nothing is copied or encoded below it.
class MemoryQueue {
 public:
  MemoryQueue() = default;
  MemoryQueue(const MemoryQueue&) = delete;
  MemoryQueue& operator=(const MemoryQueue&) = delete;

  /// Appends a batch of at least one event; false when closed.
  bool push(std::shared_ptr<const EventBatch> batch);

  /// Removes up to `events_max` of the oldest events, waiting up to `wait` for the first one.
  /// Empty when there was none in time or interrupt() came; kClosed after close().
  Result<std::vector<MemoryRun>> take(std::size_t events_max, std::chrono::milliseconds wait);

  /// Returns taken runs to their place: in front of everything younger. Also after close().
  void put_back(std::vector<MemoryRun> runs);

  /// Ends the take() calls that wait now.
  void interrupt();

  /// Fails present and later take() and push() calls. Idempotent.
  void close();

  /// Events in the queue, without the taken ones.
  [[nodiscard]] std::uint64_t size() const;

 private:
  std::vector<MemoryRun> pop(std::size_t events_max) REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar is_available_;
  std::deque<MemoryRun> runs_ GUARDED_BY(mutex_);  // ascending first_sequence, no overlaps
  std::uint64_t next_sequence_ GUARDED_BY(mutex_) = 0;
  std::uint64_t size_ GUARDED_BY(mutex_) = 0;        // sum of the runs' sizes
  std::uint64_t interrupts_ GUARDED_BY(mutex_) = 0;  // calls of interrupt()
  bool is_closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace spillway::channel
