// spillway-bench-handover: the way from producers to consumers of the memory channel, beside other
// queues. All of them hand over the same pointers, one producer to one consumer.
#include <concurrentqueue/blockingconcurrentqueue.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/lockfree/queue.hpp>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "bench/handover.h"
#include "wal/base/futex.h"
#include "wal/base/mutex.h"

namespace spillway::bench {
namespace {

constexpr std::size_t kRoom = 8192;

class MoodycamelHandover {
 public:
  void push(Parcel* parcel) { queue_.enqueue(parcel); }
  template <class Use>
  void take(Use&& use) {
    std::array<Parcel*, 64> parcels{};
    const std::size_t count = queue_.wait_dequeue_bulk(parcels.begin(), parcels.size());
    for (std::size_t i = 0; i < count; ++i) use(parcels.at(i));
  }

 private:
  moodycamel::BlockingConcurrentQueue<Parcel*> queue_{kRoom};
};

// Has no blocking end: who finds nothing gives up its processor.
class BoostHandover {
 public:
  void push(Parcel* parcel) {
    while (!queue_.push(parcel)) std::this_thread::yield();
  }
  template <class Use>
  void take(Use&& use) {
    Parcel* raw = nullptr;
    while (!queue_.pop(raw)) std::this_thread::yield();
    use(raw);
  }

 private:
  boost::lockfree::queue<Parcel*> queue_{kRoom};
};

class SwapHandover {
 public:
  void push(Parcel* parcel) {
    const MutexLock lock(mutex_);
    parcels_.push_back(parcel);
    if (parcels_.size() == 1) available_.notify_one();
  }
  template <class Use>
  void take(Use&& use) {
    {
      MutexLock lock(mutex_);
      for (int looks = 0; parcels_.empty() && looks < kLooksBeforeSleep; ++looks) {
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
      }
      while (parcels_.empty()) available_.wait(lock);
      taken_.swap(parcels_);
    }
    for (Parcel* parcel : taken_) use(parcel);
    taken_.clear();
  }

 private:
  Mutex mutex_;
  CondVar available_;
  std::vector<Parcel*> parcels_ GUARDED_BY(mutex_);
  std::vector<Parcel*> taken_;  // of the consumer
};

// A bounded ring of cells, each with a turn (Vyukov's MPMC queue), and a doorbell for the consumer.
class RingHandover {
 public:
  RingHandover() {
    for (std::size_t i = 0; i < kRoom; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  void push(Parcel* parcel) {
    std::uint64_t at = tail_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at % kRoom];
      const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == at && tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        cell.parcel = parcel;
        cell.turn.exchange(at + 1, std::memory_order_seq_cst);
        bell_.ring();
        return;
      }
      if (turn < at) std::this_thread::yield();  // full
      if (turn != at) at = tail_.load(std::memory_order_relaxed);
    }
  }
  template <class Use>
  void take(Use&& use) {
    while (true) {
      if (Parcel* const parcel = look()) return use(parcel);
      const std::uint32_t prepared = bell_.prepare();
      const std::uint64_t at = head_.load(std::memory_order_seq_cst);
      const bool is_empty = cells_[at % kRoom].turn.load(std::memory_order_seq_cst) != at + 1;
      if (is_empty) bell_.sleep(prepared, std::chrono::seconds(1));
    }
  }

 private:
  struct Cell {
    std::atomic<std::uint64_t> turn{0};
    Parcel* parcel = nullptr;
  };
  Parcel* look() {
    Parcel* parcel = try_pop();
    for (int looks = 0; parcel == nullptr && looks < kLooksBeforeSleep; ++looks) {
      std::this_thread::yield();
      parcel = try_pop();
    }
    return parcel;
  }
  Parcel* try_pop() {
    std::uint64_t at = head_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[at % kRoom];
      const std::uint64_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn < at + 1) return nullptr;
      if (turn == at + 1 && head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        Parcel* const parcel = cell.parcel;
        cell.turn.store(at + kRoom, std::memory_order_release);
        return parcel;
      }
      at = head_.load(std::memory_order_relaxed);
    }
  }

  std::vector<Cell> cells_ = std::vector<Cell>(kRoom);
  alignas(64) std::atomic<std::uint64_t> tail_{0};
  alignas(64) std::atomic<std::uint64_t> head_{0};
  channel::Doorbell<> bell_;
};

struct Row {
  const char* name = "";
  double (*rate)(std::size_t batch_events, std::uint64_t duration_ns, const Clock& clock) = nullptr;
};

constexpr std::array kRows{Row{"inbox", handover_rate<InboxHandover>},
                           Row{"ring", handover_rate<RingHandover>},
                           Row{"mutex+swap", handover_rate<SwapHandover>},
                           Row{"moodycamel", handover_rate<MoodycamelHandover>},
                           Row{"boost", handover_rate<BoostHandover>}};

void measure(std::size_t batch_events) {
  constexpr std::size_t kRounds = 7;
  constexpr std::uint64_t kDurationNs = 300'000'000;
  const SystemClock clock;
  std::array<std::vector<double>, kRows.size()> rates;
  for (std::size_t round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < kRows.size(); ++i) {
      const std::size_t at = (round + i) % kRows.size();  // nobody gains by a place
      rates.at(at).push_back(kRows.at(at).rate(batch_events, kDurationNs, clock));
    }
  }
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    auto& sorted = rates.at(i);
    std::sort(sorted.begin(), sorted.end());
    fmt::print("{:<12} {:>6} {:>12.1f} {:>12.1f} {:>12.1f}\n", kRows.at(i).name, batch_events,
               sorted[kRounds / 2] / 1e6, sorted.front() / 1e6, sorted.back() / 1e6);
  }
}

}  // namespace
}  // namespace spillway::bench

int main() {
  fmt::print("{:<12} {:>6} {:>12} {:>12} {:>12}\n", "queue", "batch", "M events/s", "least",
             "most");
  spillway::bench::measure(1);
  spillway::bench::measure(100);
  return 0;
}
