#include "channel/memory_queue.h"

#include <algorithm>
#include <utility>

#include "channel/deadline.h"
#include "wal/base/check.h"

namespace spillway::channel {

bool MemoryQueue::push(std::shared_ptr<const EventBatch> batch) {
  CHECK(!batch->is_empty());
  const MutexLock lock(mutex_);
  if (is_closed_) return false;
  const std::size_t count = batch->size();
  runs_.push_back({.batch = std::move(batch), .end = count, .first_sequence = next_sequence_});
  next_sequence_ += count;
  size_ += count;
  is_available_.notify_one();
  return true;
}

Result<std::vector<MemoryRun>> MemoryQueue::take(std::size_t events_max,
                                                 std::chrono::milliseconds wait) {
  CHECK(events_max > 0);
  const Deadline deadline(wait);
  MutexLock lock(mutex_);
  const std::uint64_t interrupts = interrupts_;
  while (!is_closed_ && runs_.empty() && interrupts == interrupts_) {
    const auto rest = deadline.rest();
    if (rest.count() <= 0) break;
    is_available_.wait_for(lock, rest);
  }
  if (is_closed_) return Error{.code = Errc::kClosed, .what = "channel is stopped"};
  auto runs = pop(events_max);
  // A push wakes one taker however many events it brings: pass the rest on.
  if (!runs_.empty()) is_available_.notify_one();
  return runs;
}

std::vector<MemoryRun> MemoryQueue::pop(std::size_t events_max) {
  std::vector<MemoryRun> taken;
  std::size_t rest = events_max;
  while (rest > 0 && !runs_.empty()) {
    MemoryRun& first = runs_.front();
    const std::size_t count = std::min(rest, first.size());
    rest -= count;
    if (count == first.size()) {
      taken.push_back(std::move(first));
      runs_.pop_front();
      continue;
    }
    taken.push_back(first);
    taken.back().end = first.begin + count;
    first.begin += count;
    first.first_sequence += count;
  }
  size_ -= events_max - rest;
  return taken;
}

void MemoryQueue::put_back(std::vector<MemoryRun> runs) {
  if (runs.empty()) return;
  const MutexLock lock(mutex_);
  // Not simply to the front: another consumer may have returned older events before us.
  for (MemoryRun& run : runs) {
    const auto younger = std::upper_bound(runs_.begin(), runs_.end(), run.first_sequence,
                                          [](std::uint64_t sequence, const MemoryRun& other) {
                                            return sequence < other.first_sequence;
                                          });
    size_ += run.size();
    runs_.insert(younger, std::move(run));
  }
  is_available_.notify_one();
}

void MemoryQueue::interrupt() {
  const MutexLock lock(mutex_);
  ++interrupts_;
  is_available_.notify_all();
}

void MemoryQueue::close() {
  const MutexLock lock(mutex_);
  is_closed_ = true;
  is_available_.notify_all();
}

std::uint64_t MemoryQueue::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

}  // namespace spillway::channel
