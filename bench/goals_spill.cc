// Goals about the dual channel and the way through memory: order over many spills, what spilling
// costs, and how fast transactions are handed over. G15 to G17.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/goal.h"
#include "bench/handover.h"
#include "bench/latencies.h"
#include "channel/dual_channel.h"
#include "channel/memory_channel.h"
#include "wal/base/random.h"

namespace spillway::bench {
namespace {

using channel::Channel;
using channel::DualChannel;
using std::chrono::milliseconds;

constexpr std::size_t kProducers = 8;
constexpr std::size_t kBatchEvents = 100;
constexpr std::size_t kSpareSlots = 8;
constexpr std::uint64_t kPayloadBytesMax = 448 * kMiB;  // of one load: what the spare slots hold
constexpr std::uint64_t kAroundNs = 500'000'000;        // on either side of a switch
constexpr std::uint64_t kSpillsPerSample = 150;         // seven samples: more than a thousand

channel::DualChannelOptions dual_options(const GoalSite& site, const std::string& name,
                                         std::uint64_t memory_events) {
  channel::DualChannelOptions options;
  options.log =
      channel_options({.directory = site.directory + "/" + name, .spare_slots = kSpareSlots});
  options.memory_events = memory_events;
  return options;
}

double gauge(const Channel& channel, std::string_view wanted) {
  struct Finder final : MetricSink {
    explicit Finder(std::string_view wanted_name) : name(wanted_name) {}
    void counter(std::string_view, std::string_view, std::uint64_t) override {}
    void gauge(std::string_view seen, std::string_view, double now) override {
      if (seen == name) value = now;
    }
    void histogram(std::string_view, std::string_view, const Histogram&) override {}
    std::string_view name;
    double value = 0;
  } finder(wanted);
  channel.collect(finder);
  return finder.value;
}

Result<void> start_ready(Channel& channel, const Clock& clock) {
  TRY(channel.start());
  const std::uint64_t started = clock.monotonic_ns();
  while (gauge(channel, "spare_slots") < static_cast<double>(kSpareSlots)) {
    if (clock.monotonic_ns() - started > 60'000'000'000) {
      return Error{.code = Errc::kTimeout, .what = "no spare slots in time: is the disk full?"};
    }
    std::this_thread::sleep_for(milliseconds(1));
  }
  return {};
}

struct TimedPut {
  std::uint64_t ended_ns = 0;
  std::uint64_t took_ns = 0;
};

// Producers that put batches as fast as they can, and a consumer that can be stopped.
class Load {
 public:
  Load(Channel& channel, std::size_t producers, const GoalSite& site,
       std::uint64_t payload_bytes_max = kPayloadBytesMax)
      : channel_(channel), clock_(site.clock), puts_(producers) {
    const std::string body(site.options.event_bytes, 'x');
    for (std::size_t i = 0; i < kBatchEvents; ++i) batch_.add(body);
    batches_max_ = payload_bytes_max / (kBatchEvents * site.options.event_bytes);
  }

  void begin(bool has_consumer) {
    is_taking_ = has_consumer;
    for (std::vector<TimedPut>& mine : puts_) {
      threads_.emplace_back([this, &mine] { produce(mine); });
    }
    if (has_consumer) threads_.emplace_back([this] { consume(); });
  }
  void stop_taking() { is_taking_ = false; }
  Result<void> end() {
    is_over_ = true;
    channel_.interrupt_takes();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    if (has_failed_) return Error{.code = Errc::kIo, .what = "a put or take failed"};
    return {};
  }
  [[nodiscard]] bool has_room() const { return batches_.load() < batches_max_; }

  // Events put by all in this time, per second.
  [[nodiscard]] double rate(std::uint64_t from_ns, std::uint64_t to_ns) const {
    std::size_t count = 0;
    for (const auto& mine : puts_) {
      for (const TimedPut& put : mine) count += put.ended_ns >= from_ns && put.ended_ns < to_ns;
    }
    return static_cast<double>(count * kBatchEvents) * 1e9 / static_cast<double>(to_ns - from_ns);
  }
  [[nodiscard]] double p99_us(std::uint64_t from_ns, std::uint64_t to_ns) const {
    Latencies all;
    for (const auto& mine : puts_) {
      for (const TimedPut& put : mine) {
        if (put.ended_ns >= from_ns && put.ended_ns < to_ns) all.record(put.took_ns);
      }
    }
    return static_cast<double>(all.quantile(0.99)) / 1e3;
  }

 private:
  void produce(std::vector<TimedPut>& mine) {
    while (!is_over_ && has_room()) {
      const std::uint64_t started = clock_.monotonic_ns();
      if (!channel_.put(batch_).has_value()) {
        has_failed_ = true;
        return;
      }
      const std::uint64_t ended = clock_.monotonic_ns();
      mine.push_back({.ended_ns = ended, .took_ns = ended - started});
      batches_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  void consume() {
    while (is_taking_ && !is_over_) {
      auto taken = channel_.take(1000, milliseconds(10));
      if (!taken.has_value() || !taken.value()->commit().has_value()) has_failed_ = true;
    }
  }

  Channel& channel_;
  const Clock& clock_;
  channel::EventBatch batch_;
  std::uint64_t batches_max_ = 0;
  std::vector<std::vector<TimedPut>> puts_;
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> batches_{0};
  std::atomic<bool> is_taking_{false};
  std::atomic<bool> is_over_{false};
  std::atomic<bool> has_failed_{false};
};

// Nobody takes: what is put has to go to the disk.
Result<double> disk_rate(Channel& channel, const GoalSite& site) {
  TRY(start_ready(channel, site.clock));
  Load load(channel, kProducers, site);
  load.begin(/*has_consumer=*/false);
  std::this_thread::sleep_for(milliseconds(50));  // until the memory is full
  const std::uint64_t from = site.clock.monotonic_ns();
  std::uint64_t to = from;
  while (load.has_room() && to - from < site.options.load_ns) {
    std::this_thread::sleep_for(milliseconds(2));
    to = site.clock.monotonic_ns();
  }
  TRY(load.end());
  return load.rate(from, to);
}

// A consumer that keeps up, and then stops.
Result<double> switch_p99_us(const GoalSite& site) {
  DualChannel dual(dual_options(site, "switch", 20'000), site.file_system, site.clock);
  TRY(start_ready(dual, site.clock));
  Load load(dual, 1, site);
  load.begin(/*has_consumer=*/true);
  std::this_thread::sleep_for(milliseconds(100));
  const std::uint64_t spills = dual.spills();
  load.stop_taking();
  while (dual.spills() == spills && load.has_room()) std::this_thread::yield();
  const std::uint64_t at = site.clock.monotonic_ns();
  while (load.has_room() && site.clock.monotonic_ns() - at < kAroundNs) {
    std::this_thread::sleep_for(milliseconds(2));
  }
  TRY(load.end());
  dual.stop();
  return load.p99_us(at - kAroundNs, at + kAroundNs);
}

Result<double> disk_p99_us(const GoalSite& site) {
  channel::FileChannel file(
      channel_options({.directory = site.directory + "/p99", .spare_slots = kSpareSlots}),
      site.file_system, site.clock);
  TRY(start_ready(file, site.clock));
  Load load(file, 1, site);
  const std::uint64_t from = site.clock.monotonic_ns();
  load.begin(/*has_consumer=*/false);
  while (load.has_room() && site.clock.monotonic_ns() - from < kAroundNs) {
    std::this_thread::sleep_for(milliseconds(2));
  }
  TRY(load.end());
  file.stop();
  return load.p99_us(from, UINT64_MAX);
}

// One producer, one consumer that keeps up; events taken per second from a started channel.
Result<double> steady_rate(Channel& channel, const GoalSite& site) {
  Load load(channel, 1, site, UINT64_MAX);
  load.begin(/*has_consumer=*/true);
  std::this_thread::sleep_for(milliseconds(20));
  const std::uint64_t from = site.clock.monotonic_ns();
  const std::uint64_t before = channel.counters().take_successes.value();
  std::this_thread::sleep_for(std::chrono::nanoseconds(site.options.load_ns));
  const std::uint64_t taken = channel.counters().take_successes.value() - before;
  const std::uint64_t to = site.clock.monotonic_ns();
  TRY(load.end());
  channel.stop();
  return static_cast<double>(taken) * 1e9 / static_cast<double>(to - from);
}

struct Wrongs {
  double reordered = 0;
  double lost = 0;
  double doubled = 0;
};

// Looks at a taken batch; where the next one has to begin.
std::uint64_t check(const channel::TakeTransaction& taken, std::uint64_t next, Wrongs& wrongs) {
  for (const channel::EventView& event : taken.events()) {
    const std::uint64_t number = std::strtoull(std::string(event.body()).c_str(), nullptr, 10);
    if (number > next) wrongs.lost += static_cast<double>(number - next);
    if (number < next) ++wrongs.doubled;
    if (number + 1 < next) ++wrongs.reordered;
    next = std::max(next, number + 1);
  }
  return next;
}

Result<std::vector<Reading>> spill_cycles(DualChannel& dual, Random& random,
                                          std::uint64_t& next_put, std::uint64_t& next_taken) {
  Wrongs wrongs;
  const std::uint64_t before = dual.spills();
  while (dual.spills() - before < kSpillsPerSample) {
    for (std::uint64_t puts = random.between(8, 20); puts > 0; --puts) {
      channel::EventBatch batch;
      for (std::uint64_t n = random.between(1, 20); n > 0; --n) {
        batch.add(std::to_string(next_put++));
      }
      TRY(dual.put(batch));
    }
    while (next_taken < next_put) {
      TRY_ASSIGN(const auto taken, dual.take(random.between(1, 100), milliseconds(1000)));
      if (taken->events().empty()) {
        wrongs.lost += static_cast<double>(next_put - next_taken);
        next_taken = next_put;
        break;
      }
      Wrongs here;
      const std::uint64_t next = check(*taken, next_taken, here);
      if (random.one_in(5)) {
        taken->rollback();
        continue;
      }
      TRY(taken->commit());
      next_taken = next;
      wrongs.reordered += here.reordered;
      wrongs.lost += here.lost;
      wrongs.doubled += here.doubled;
    }
  }
  return std::vector<Reading>{{.value = static_cast<double>(dual.spills() - before)},
                              {.value = wrongs.lost},
                              {.value = wrongs.doubled},
                              {.value = wrongs.reordered}};
}

}  // namespace

Result<Sampler> prepare_spill_order(const GoalSite& site) {
  const auto dual =
      std::make_shared<DualChannel>(dual_options(site, "order", 100), site.file_system, site.clock);
  TRY(dual->start());
  struct Progress {
    Random random{15};
    std::uint64_t next_put = 0;
    std::uint64_t next_taken = 0;
  };
  const auto progress = std::make_shared<Progress>();
  return Sampler([dual, progress]() -> Result<std::vector<Reading>> {
    return spill_cycles(*dual, progress->random, progress->next_put, progress->next_taken);
  });
}

Result<Sampler> prepare_spill_cost(const GoalSite& site) {
  return Sampler([&site]() -> Result<std::vector<Reading>> {
    const auto rate_of = [&](Channel& channel) -> Result<double> {
      TRY_ASSIGN(const double rate, disk_rate(channel, site));
      channel.stop();
      remove_files(site.directory);
      return rate;
    };
    channel::FileChannel file(
        channel_options({.directory = site.directory + "/file", .spare_slots = kSpareSlots}),
        site.file_system, site.clock);
    TRY_ASSIGN(const double disk, rate_of(file));
    DualChannel dual(dual_options(site, "dual", 20'000), site.file_system, site.clock);
    TRY_ASSIGN(const double spilling, rate_of(dual));
    TRY_ASSIGN(const double at_switch, switch_p99_us(site));
    remove_files(site.directory);
    TRY_ASSIGN(const double on_disk, disk_p99_us(site));
    remove_files(site.directory);
    DualChannel steady(dual_options(site, "steady", 100'000), site.file_system, site.clock);
    TRY(start_ready(steady, site.clock));
    TRY_ASSIGN(const double dual_rate, steady_rate(steady, site));
    remove_files(site.directory);
    channel::MemoryChannel memory({.capacity_events = 100'000,
                                   .transaction_capacity_events = 10'000,
                                   .keep_alive = milliseconds(3000)});
    TRY(memory.start());
    TRY_ASSIGN(const double memory_rate, steady_rate(memory, site));
    return std::vector<Reading>{{.value = spilling, .control = disk},
                                {.value = at_switch, .control = on_disk},
                                {.value = dual_rate, .control = memory_rate}};
  });
}

Result<Sampler> prepare_handover(const GoalSite& site) {
  return Sampler([&site]() -> Result<std::vector<Reading>> {
    const std::uint64_t time_ns = site.options.load_ns / 2;
    return std::vector<Reading>{
        {.value = handover_rate<InboxHandover>(1, time_ns, site.clock) / 1e6},
        {.value = handover_rate<InboxHandover>(kBatchEvents, time_ns, site.clock) / 1e6}};
  });
}

}  // namespace spillway::bench
