#include "bench/bench_channel.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bench/cpu_time.h"
#include "bench/latencies.h"
#include "channel/event_batch.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kWarmUpNs = 50'000'000;
constexpr std::uint64_t kSpareSlotsWaitNs = 30'000'000'000;
constexpr std::uint64_t kWritePathWaitNs = 3'000'000'000;
constexpr std::size_t kTakeEvents = 1000;
constexpr std::size_t kFillEvents = 1000;

class ValueSink final : public MetricSink {
 public:
  explicit ValueSink(MetricValues& values) : values_(values) {}

  void counter(std::string_view name, std::string_view /*help*/, std::uint64_t value) override {
    values_[std::string(name)] = static_cast<double>(value);
  }
  void gauge(std::string_view name, std::string_view /*help*/, double value) override {
    values_[std::string(name)] = value;
  }
  void histogram(std::string_view name, std::string_view /*help*/,
                 const Histogram& value) override {
    values_[std::string(name)] = static_cast<double>(value.count());
  }

 private:
  MetricValues& values_;
};

enum class Phase : std::uint8_t { kWarmUp, kMeasured, kOver };

// What the threads of one load share.
struct Run {
  channel::FileChannel& channel;
  const LoadOptions& options;
  const Clock& clock;
  std::atomic<Phase> phase{Phase::kWarmUp};
  std::atomic<bool> has_failed{false};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> taken{0};

  [[nodiscard]] bool is_over() const {
    return phase.load(std::memory_order_relaxed) == Phase::kOver;
  }
  [[nodiscard]] bool is_measured() const {
    return phase.load(std::memory_order_relaxed) == Phase::kMeasured;
  }
};

void produce(Run& run, Latencies& latencies) {
  const std::string body(run.options.event_bytes, 'x');
  channel::EventBatch batch;
  while (!run.is_over()) {
    batch.clear();
    for (std::size_t i = 0; i < run.options.batch_events; ++i) batch.add(body);
    const std::uint64_t started = run.clock.monotonic_ns();
    if (!run.channel.put(batch).has_value()) {
      run.has_failed.store(true);
      return;
    }
    if (!run.is_measured()) continue;
    latencies.record(run.clock.monotonic_ns() - started);
    run.commits.fetch_add(1, std::memory_order_relaxed);
  }
}

void consume(Run& run) {
  while (!run.is_over()) {
    auto taken = run.channel.take(kTakeEvents, std::chrono::milliseconds(10));
    if (!taken.has_value()) {
      run.has_failed.store(true);
      return;
    }
    const std::size_t count = taken.value()->events().size();
    if (!taken.value()->commit().has_value()) run.has_failed.store(true);
    if (run.is_measured()) run.taken.fetch_add(count, std::memory_order_relaxed);
  }
}

void wait_for_end(const Run& run, std::uint64_t started) {
  const LoadOptions& options = run.options;
  const std::uint64_t commit_bytes = options.batch_events * options.event_bytes;
  constexpr std::uint64_t kStepNs = 2'000'000;
  std::uint64_t waited = 0;
  while (waited < options.duration_ns && !run.has_failed.load() &&
         run.commits.load() < options.payload_bytes_max / commit_bytes) {
    const std::uint64_t left = options.duration_ns - waited;
    const bool is_limited = options.payload_bytes_max != UINT64_MAX;
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(is_limited ? std::min(left, kStepNs) : left));
    waited = run.clock.monotonic_ns() - started;
  }
}

}  // namespace

channel::FileChannelOptions channel_options(const ChannelSetup& setup) {
  channel::FileChannelOptions options{.name = "bench",
                                      .checkpoint_dir = setup.directory + "/checkpoint",
                                      .data_dirs = setup.data_directories,
                                      .capacity_events = 2'000'000'000,
                                      .checkpoint_interval = setup.checkpoint_interval,
                                      .checkpoint_bytes = setup.checkpoint_bytes};
  if (options.data_dirs.empty()) options.data_dirs.push_back(setup.directory + "/data");
  options.log.spare_slots_min = setup.spare_slots;
  options.log.spare_slots_max = std::max(options.log.spare_slots_max, setup.spare_slots + 2);
  options.log.cache_bytes_max = setup.cache_bytes;
  options.durability = setup.durability;
  options.ack_durability = setup.ack_durability;
  options.log.write_path = setup.write_path;
  return options;
}

void remove_files(const std::string& directory) {
  std::error_code ignored;  // the next channel there is refused if anything is left
  std::filesystem::remove_all(directory, ignored);
}

BenchChannel::BenchChannel(const ChannelSetup& setup, io::FileSystem& file_system,
                           const Clock& clock)
    : setup_(setup),
      clock_(clock),
      channel_(std::make_unique<channel::FileChannel>(channel_options(setup), file_system, clock)) {
}

BenchChannel::~BenchChannel() {
  channel_->stop();
}

Result<std::unique_ptr<BenchChannel>> BenchChannel::open(const ChannelSetup& setup,
                                                         io::FileSystem& file_system,
                                                         const Clock& clock) {
  std::unique_ptr<BenchChannel> opened(new BenchChannel(setup, file_system, clock));
  TRY(opened->channel_->start());
  TRY(opened->wait_for_spare_slots());
  opened->wait_for_write_path();
  return opened;
}

Result<void> BenchChannel::wait_for_spare_slots() {
  const std::uint64_t started = clock_.monotonic_ns();
  while (metrics()["spare_slots"] < static_cast<double>(setup_.spare_slots)) {
    if (clock_.monotonic_ns() - started > kSpareSlotsWaitNs) {
      return Error{.code = Errc::kTimeout, .what = "no spare slots in time: is the disk full?"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

// Undecided, threads write.
void BenchChannel::wait_for_write_path() {
  const std::uint64_t started = clock_.monotonic_ns();
  while (metrics()["log_write_path"] == static_cast<double>(wal::WritePath::kAuto) &&
         clock_.monotonic_ns() - started < kWritePathWaitNs) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Result<LoadSample> BenchChannel::run(const LoadOptions& options) {
  Run run{.channel = *channel_, .options = options, .clock = clock_};
  std::vector<Latencies> latencies(options.producers);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.producers; ++i) {
    threads.emplace_back([&run, &mine = latencies[i]] { produce(run, mine); });
  }
  for (std::size_t i = 0; i < options.consumers; ++i) threads.emplace_back([&] { consume(run); });
  std::this_thread::sleep_for(std::chrono::nanoseconds(kWarmUpNs));

  MetricValues before = metrics();
  const double cpu_before = cpu_seconds();
  const std::uint64_t started = clock_.monotonic_ns();
  run.phase.store(Phase::kMeasured);
  wait_for_end(run, started);
  run.phase.store(Phase::kOver);
  const double seconds = static_cast<double>(clock_.monotonic_ns() - started) / 1e9;
  const double cpu = cpu_seconds() - cpu_before;
  MetricValues after = metrics();
  for (std::thread& thread : threads) thread.join();
  if (run.has_failed.load()) return Error{.code = Errc::kIo, .what = "a put or take failed"};

  Latencies all;
  for (const Latencies& one : latencies) all.merge(one);
  const auto commits = static_cast<double>(run.commits.load());
  const double events = commits * static_cast<double>(options.batch_events);
  const double log_bytes = after["log_written_bytes_total"] - before["log_written_bytes_total"];
  const double blocks = after["log_block_size_bytes"] - before["log_block_size_bytes"];
  LoadSample sample;
  sample.commits_per_second = commits / seconds;
  sample.events_per_second = events / seconds;
  sample.payload_bytes_per_second =
      sample.events_per_second * static_cast<double>(options.event_bytes);
  sample.taken_per_second = static_cast<double>(run.taken.load()) / seconds;
  sample.cpu_us_per_event = cpu * 1e6 / events;
  sample.p50_ns = all.quantile(0.5);
  sample.p99_ns = all.quantile(0.99);
  sample.p999_ns = all.quantile(0.999);
  sample.bytes_per_block = log_bytes / blocks;
  sample.write_amplification = log_bytes / (events * static_cast<double>(options.event_bytes));
  return sample;
}

Result<void> BenchChannel::fill(std::uint64_t events, std::size_t event_bytes) {
  const std::string body(event_bytes, 'x');
  channel::EventBatch batch;
  while (events > 0) {
    const std::size_t count = std::min<std::uint64_t>(events, kFillEvents);
    if (batch.size() != count) {
      batch.clear();
      for (std::size_t i = 0; i < count; ++i) batch.add(body);
    }
    TRY(channel_->put(batch));
    events -= count;
  }
  return {};
}

Result<std::uint64_t> BenchChannel::take(std::uint64_t events_max) {
  std::uint64_t taken = 0;
  while (taken < events_max) {
    const std::size_t wanted = std::min<std::uint64_t>(events_max - taken, kTakeEvents);
    TRY_ASSIGN(const auto transaction, channel_->take(wanted, std::chrono::milliseconds(0)));
    const std::size_t count = transaction->events().size();
    if (count == 0) break;
    TRY(transaction->commit());
    taken += count;
  }
  return taken;
}

Result<void> BenchChannel::drain() {
  const std::uint64_t started = clock_.monotonic_ns();
  while (channel_->size_events() > 0) {
    TRY_ASSIGN(const std::uint64_t taken, take(UINT64_MAX));
    if (taken > 0) continue;
    // What was put asynchronously can be taken once it is durable.
    if (clock_.monotonic_ns() - started > kSpareSlotsWaitNs) {
      return Error{.code = Errc::kTimeout, .what = "the channel does not become empty"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  TRY(channel_->checkpoint());
  return wait_for_spare_slots();
}

MetricValues BenchChannel::metrics() const {
  MetricValues values;
  ValueSink sink(values);
  channel_->collect(sink);
  return values;
}

}  // namespace spillway::bench
