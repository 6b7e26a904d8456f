#include "channel/memory_runs.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::channel {
namespace {

std::uint64_t slots_of(const EventBatch& batch, std::size_t begin, std::size_t end,
                       std::uint64_t slot_bytes) {
  std::uint64_t slots = 0;
  for (std::size_t i = begin; i < end; ++i) {
    slots += (batch[i].body().size() + slot_bytes - 1) / slot_bytes;
  }
  return slots;
}

}  // namespace

std::uint64_t body_slots(const EventBatch& batch, std::uint64_t slot_bytes) {
  return slots_of(batch, 0, batch.size(), slot_bytes);
}

void MemoryRuns::append(MemoryPut* oldest) {
  for (MemoryPut* next = oldest; next != nullptr;) {
    const std::unique_ptr<MemoryPut> put(next);
    next = put->next;
    const std::size_t count = put->batch->size();
    runs_.push_back({.batch = std::move(put->batch),
                     .end = count,
                     .first_sequence = next_sequence_,
                     .slots = put->slots,
                     .put_ns = put->put_ns});
    next_sequence_ += count;
  }
}

MemoryRun MemoryRuns::pop(std::size_t events_max) {
  CHECK(!runs_.empty());
  MemoryRun& first = runs_.front();
  if (first.size() <= events_max) {
    MemoryRun whole = std::move(first);
    runs_.pop_front();
    return whole;
  }
  MemoryRun part = first;
  part.end = part.begin + events_max;
  part.slots = slots_of(*part.batch, part.begin, part.end, slot_bytes_);
  first.begin = part.end;
  first.slots -= part.slots;
  first.first_sequence += events_max;
  return part;
}

// Not simply to the front: somebody else may have returned older events before.
void MemoryRuns::put_back(MemoryRun run) {
  const auto younger = std::upper_bound(runs_.begin(), runs_.end(), run.first_sequence,
                                        [](std::uint64_t sequence, const MemoryRun& other) {
                                          return sequence < other.first_sequence;
                                        });
  runs_.insert(younger, std::move(run));
}

}  // namespace spillway::channel
