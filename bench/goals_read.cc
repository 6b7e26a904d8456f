// Goals about takes: drain of a cold backlog, reads that must not happen, cost to producers.
// G12 to G14.
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/goal.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kColdBytes = 384 * kMiB;
constexpr std::uint64_t kCachedBytes = 32 * kMiB;
constexpr std::uint64_t kPayloadBytesMax = 512 * kMiB;

std::uint64_t device_read_bytes() {
  std::ifstream counters("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  while (counters >> name >> value) {
    if (name == "read_bytes:") return value;
  }
  return 0;
}

Result<void> take_and_return(channel::FileChannel& channel) {
  // Several open transactions: one cannot hold everything.
  std::vector<std::unique_ptr<channel::TakeTransaction>> open;
  while (true) {
    TRY_ASSIGN(auto taken, channel.take(1000, std::chrono::milliseconds(0)));
    if (taken->events().empty()) break;
    open.push_back(std::move(taken));
  }
  for (auto& transaction : open) transaction->rollback();
  return {};
}

}  // namespace

Result<Sampler> prepare_cold_drain(const GoalSite& site) {
  const ChannelSetup setup{.directory = site.directory, .spare_slots = 2};
  return Sampler([setup, &site]() -> Result<std::vector<Reading>> {
    const std::uint64_t events = kColdBytes / site.options.event_bytes;
    {
      TRY_ASSIGN(const auto channel, BenchChannel::open(setup, site.file_system, site.clock));
      TRY(channel->fill(events, site.options.event_bytes));
    }
    TRY_ASSIGN(const ControlSample before, site.device.raw_reads(kControlNs));
    // A new channel knows none of the blocks, and direct reads pass by the page cache.
    TRY_ASSIGN(const auto channel, BenchChannel::open(setup, site.file_system, site.clock));
    const std::uint64_t started = site.clock.monotonic_ns();
    TRY_ASSIGN(const std::uint64_t taken, channel->take(UINT64_MAX));
    const double seconds = static_cast<double>(site.clock.monotonic_ns() - started) / 1e9;
    if (taken != events) return Error{.code = Errc::kCorrupt, .what = "took more or fewer events"};
    TRY_ASSIGN(const ControlSample after, site.device.raw_reads(kControlNs));
    const double bytes = static_cast<double>(taken * site.options.event_bytes);
    return std::vector<Reading>{
        {.value = bytes / seconds / 1e6,
         .control = (before.bytes_per_second + after.bytes_per_second) / 2e6}};
  });
}

Result<Sampler> prepare_cached_reads(const GoalSite& site) {
  TRY_ASSIGN(auto opened,
             BenchChannel::open({.directory = site.directory}, site.file_system, site.clock));
  const std::shared_ptr<BenchChannel> channel = std::move(opened);
  return Sampler([channel, &site]() -> Result<std::vector<Reading>> {
    const std::uint64_t events = kCachedBytes / site.options.event_bytes;
    const auto reads_of = [&](bool is_returned) -> Result<Reading> {
      TRY(channel->fill(events, site.options.event_bytes));
      const std::uint64_t before = device_read_bytes();
      if (is_returned) TRY(take_and_return(channel->channel()));
      TRY_ASSIGN([[maybe_unused]] const std::uint64_t taken, channel->take(UINT64_MAX));
      const std::uint64_t read = device_read_bytes() - before;
      TRY(channel->drain());
      return Reading{.value = static_cast<double>(read) / static_cast<double>(events)};
    };
    TRY_ASSIGN(const Reading once, reads_of(false));
    TRY_ASSIGN(const Reading twice, reads_of(true));
    return std::vector<Reading>{once, twice};
  });
}

Result<Sampler> prepare_consumer_effect(const GoalSite& site) {
  TRY_ASSIGN(auto opened, BenchChannel::open({.directory = site.directory, .spare_slots = 14},
                                             site.file_system, site.clock));
  const std::shared_ptr<BenchChannel> channel = std::move(opened);
  return Sampler([channel, &site]() -> Result<std::vector<Reading>> {
    const auto run = [&](std::size_t producers, std::size_t batch,
                         std::size_t consumers) -> Result<LoadSample> {
      TRY_ASSIGN(const LoadSample sample, channel->run({.producers = producers,
                                                        .consumers = consumers,
                                                        .batch_events = batch,
                                                        .event_bytes = site.options.event_bytes,
                                                        .duration_ns = site.options.load_ns,
                                                        .payload_bytes_max = kPayloadBytesMax}));
      TRY(channel->drain());
      return sample;
    };
    TRY_ASSIGN(const LoadSample single_alone, run(16, 1, 0));
    TRY_ASSIGN(const LoadSample single, run(16, 1, 1));
    TRY_ASSIGN(const LoadSample batches_alone, run(8, 100, 0));
    TRY_ASSIGN(const LoadSample batches, run(8, 100, 1));
    return std::vector<Reading>{
        {.value = single.events_per_second, .control = single_alone.events_per_second},
        {.value = batches.events_per_second, .control = batches_alone.events_per_second},
        {.value = batches.taken_per_second, .control = batches.events_per_second}};
  });
}

}  // namespace spillway::bench
