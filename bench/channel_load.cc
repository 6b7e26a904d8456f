#include "bench/channel_load.h"

#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "channel/event_batch.h"

namespace spillway::bench {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// What the threads of one run share.
struct Run {
  channel::FileChannel& channel;
  const LoadOptions& options;
  const Clock& clock;
  std::atomic<bool> is_over{false};
  std::atomic<bool> has_failed{false};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> taken{0};
  Histogram latency{};
};

void produce(Run& run) {
  const std::string body(run.options.event_bytes, 'x');
  channel::EventBatch batch;
  while (!run.is_over.load(std::memory_order_relaxed)) {
    batch.clear();
    for (std::size_t i = 0; i < run.options.batch_events; ++i) batch.add(body);
    const std::uint64_t started = run.clock.monotonic_ns();
    if (!run.channel.put(batch).has_value()) {
      run.has_failed.store(true);
      return;
    }
    run.latency.record(run.clock.monotonic_ns() - started);
    run.commits.fetch_add(1, std::memory_order_relaxed);
  }
}

void consume(Run& run) {
  while (!run.is_over.load(std::memory_order_relaxed)) {
    auto taken = run.channel.take(1000, std::chrono::milliseconds(50));
    if (!taken.has_value()) return;  // stopped
    run.taken.fetch_add(taken.value()->events().size(), std::memory_order_relaxed);
    static_cast<void>(taken.value()->commit());
  }
}

}  // namespace

Result<LoadSample> run_load(const LoadOptions& options, const std::string& directory,
                            io::FileSystem& file_system, const Clock& clock) {
  channel::FileChannelOptions channel_options{.name = "bench",
                                              .checkpoint_dir = directory + "/checkpoint",
                                              .data_dirs = {directory + "/data"},
                                              .capacity_events = 1'000'000'000};
  // The log is recycled by then, as it is in a long run; pre-writing is not what is measured.
  channel_options.log.spare_slots_min = 4;
  channel::FileChannel channel(channel_options, file_system, clock);
  TRY(channel.start());

  Run run{.channel = channel, .options = options, .clock = clock};
  const double cpu_before = cpu_seconds();
  const std::uint64_t started = clock.monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.producers; ++i) threads.emplace_back([&] { produce(run); });
  for (std::size_t i = 0; i < options.consumers; ++i) threads.emplace_back([&] { consume(run); });
  std::this_thread::sleep_for(std::chrono::nanoseconds(options.duration_ns));
  run.is_over.store(true);
  for (std::thread& thread : threads) thread.join();
  const double seconds = static_cast<double>(clock.monotonic_ns() - started) / 1e9;
  const double cpu = cpu_seconds() - cpu_before;

  LoadSample sample;
  const auto commits = static_cast<double>(run.commits.load());
  const double events = commits * static_cast<double>(options.batch_events);
  sample.commits_per_second = commits / seconds;
  sample.events_per_second = events / seconds;
  sample.payload_bytes_per_second =
      sample.events_per_second * static_cast<double>(options.event_bytes);
  sample.taken_per_second = static_cast<double>(run.taken.load()) / seconds;
  sample.cpu_us_per_event = cpu * 1e6 / events;
  sample.p50_ns = run.latency.quantile(0.5);
  sample.p99_ns = run.latency.quantile(0.99);
  sample.p999_ns = run.latency.quantile(0.999);
  const wal::LogWriterMetrics& log = channel.log_metrics();
  const auto blocks = static_cast<double>(log.blocks.value());
  sample.events_per_block = events / blocks;
  sample.write_amplification =
      static_cast<double>(log.bytes.value()) / (events * static_cast<double>(options.event_bytes));
  channel.stop();
  std::error_code ignored;  // the next run starts a new channel whatever is left
  std::filesystem::remove_all(directory, ignored);
  if (run.has_failed.load()) return Error{.code = Errc::kIo, .what = "a put failed"};
  return sample;
}

}  // namespace spillway::bench
