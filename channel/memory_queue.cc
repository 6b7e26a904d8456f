#include "channel/memory_queue.h"

#include <utility>

#include "channel/deadline.h"
#include "wal/base/check.h"

namespace spillway::channel {

MemoryQueue::~MemoryQueue() {
  const MutexLock lock(mutex_);
  collect();
}

bool MemoryQueue::push(std::shared_ptr<const EventBatch> batch, std::uint64_t slots,
                       std::uint64_t put_ns) {
  CHECK(!batch->is_empty());
  if (is_closed_.load(std::memory_order_relaxed)) return false;
  auto put = std::make_unique<MemoryPut>();
  put->batch = std::move(batch);
  put->slots = slots;
  put->put_ns = put_ns;
  inbox_.push(put.release());
  available_.ring();
  return true;
}

Result<std::vector<MemoryRun>> MemoryQueue::take(std::size_t events_max,
                                                 std::chrono::milliseconds wait) {
  CHECK(events_max > 0);
  const Deadline deadline(wait);
  const std::uint64_t interrupts = interrupts_.load();
  while (!is_closed_.load()) {
    std::vector<MemoryRun> taken;
    bool has_more = false;
    {
      const MutexLock lock(mutex_);
      taken = pop(events_max);
      has_more = !runs_.is_empty();
    }
    // Between leaving the inbox and being counted in has_runs_ they were nowhere to be seen for a
    // taker that was about to sleep.
    if (has_more) available_.ring();
    const auto rest = deadline.rest();
    if (!taken.empty() || rest.count() <= 0 || interrupts_.load() != interrupts) return taken;
    if (look_again([&] { return has_events(); })) continue;
    const std::uint32_t prepared = available_.prepare();
    const bool has_news = has_events() || is_closed_.load() || interrupts_.load() != interrupts;
    if (!has_news) available_.sleep(prepared, rest);
  }
  return Error{.code = Errc::kClosed, .what = "channel is stopped"};
}

bool MemoryQueue::has_events() const {
  return has_runs_.load() || !inbox_.is_empty();
}

void MemoryQueue::collect() {
  runs_.append(inbox_.take_all());
}

std::vector<MemoryRun> MemoryQueue::pop(std::size_t events_max) {
  std::vector<MemoryRun> taken;
  for (std::size_t rest = events_max; rest > 0; rest -= taken.back().size()) {
    if (runs_.is_empty()) collect();
    if (runs_.is_empty()) break;
    taken.push_back(runs_.pop(rest));
  }
  has_runs_.store(!runs_.is_empty());
  return taken;
}

void MemoryQueue::put_back(std::vector<MemoryRun> runs) {
  if (runs.empty()) return;
  {
    const MutexLock lock(mutex_);
    for (MemoryRun& run : runs) runs_.put_back(std::move(run));
    has_runs_.store(true);
  }
  available_.ring();
}

std::optional<std::uint64_t> MemoryQueue::oldest_put_ns() {
  std::optional<std::uint64_t> put_ns;
  {
    const MutexLock lock(mutex_);
    collect();
    if (!runs_.is_empty()) put_ns = runs_.front().put_ns;
    has_runs_.store(put_ns.has_value());
  }
  if (put_ns) available_.ring();  // for takers as in take()
  return put_ns;
}

void MemoryQueue::interrupt() {
  interrupts_.fetch_add(1);
  available_.ring();
}

void MemoryQueue::close() {
  is_closed_.store(true);
  available_.ring();
}

}  // namespace spillway::channel
