// Events in memory in the order of their puts, kept as the batches they came in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>

#include "channel/event_batch.h"

namespace spillway::channel {

/// Room for bodies is counted in slots of this size (Flume's unit) unless an option says otherwise.
inline constexpr std::uint64_t kMemorySlotBytes = 100;

/// Slots that the bodies of `batch` take: each rounded up, an empty body takes none.
std::uint64_t body_slots(const EventBatch& batch, std::uint64_t slot_bytes = kMemorySlotBytes);

/// One put on its way through an Inbox.
struct MemoryPut {
  std::shared_ptr<const EventBatch> batch = nullptr;  // at least one event
  std::uint64_t slots = 0;                            // of its bodies
  std::uint64_t put_ns = 0;
  MemoryPut* next = nullptr;
};

/// Neighbouring events of one batch. The batch is shared by all its runs and never changes.
struct MemoryRun {
  std::shared_ptr<const EventBatch> batch = nullptr;
  std::size_t begin = 0;             // index of the first event
  std::size_t end = 0;               // behind the last event; > begin
  std::uint64_t first_sequence = 0;  // of event `begin`, since its channel was created
  std::uint64_t slots = 0;           // of their bodies
  std::uint64_t put_ns = 0;          // as its producer said

  [[nodiscard]] std::size_t size() const { return end - begin; }
};

/// Ascending and without overlaps. Not thread-safe: under the lock of its owner.
class MemoryRuns {
 public:
  explicit MemoryRuns(std::uint64_t slot_bytes) : slot_bytes_(slot_bytes) {}

  /// Appends what Inbox::take_all() gave, and frees it.
  void append(MemoryPut* oldest);

  /// Removes up to `events_max` of the oldest events, of one batch. There must be some.
  MemoryRun pop(std::size_t events_max);

  /// Returns what was popped to its place: in front of everything younger.
  void put_back(MemoryRun run);

  void clear() { runs_.clear(); }

  [[nodiscard]] bool is_empty() const { return runs_.empty(); }
  [[nodiscard]] std::size_t size() const { return runs_.size(); }
  [[nodiscard]] const MemoryRun& front() const { return runs_.front(); }
  [[nodiscard]] auto begin() const { return runs_.begin(); }
  [[nodiscard]] auto end() const { return runs_.end(); }

 private:
  const std::uint64_t slot_bytes_;
  std::deque<MemoryRun> runs_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace spillway::channel
