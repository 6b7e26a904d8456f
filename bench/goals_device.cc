// Goals about the way to the device: io_uring beside system calls, and a device that turns slow.
// G21 and G22.
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "bench/goal.h"
#include "bench/slow_file_system.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kPayloadBytesMax = 384 * kMiB;
constexpr std::uint64_t kSlowdown = 100;

/// A channel on a file system of its own.
struct OwnSystem {
  std::unique_ptr<io::FileSystem> file_system;
  std::unique_ptr<BenchChannel> channel;  // last: it goes first

  Result<double> commits_per_second(const LoadOptions& load) const {
    TRY_ASSIGN(const LoadSample sample, channel->run(load));
    TRY(channel->drain());
    return sample.commits_per_second;
  }
};

Result<std::shared_ptr<OwnSystem>> open_on(std::unique_ptr<io::FileSystem> file_system,
                                           const ChannelSetup& setup, const Clock& clock) {
  auto own = std::make_shared<OwnSystem>();
  own->file_system = std::move(file_system);
  TRY_ASSIGN(own->channel, BenchChannel::open(setup, *own->file_system, clock));
  return own;
}

}  // namespace

Result<Sampler> prepare_uring(const GoalSite& site) {
  const auto open = [&](io::QueueKind kind, const char* name) {
    return open_on(std::make_unique<io::PosixFileSystem>(kind),
                   {.directory = site.directory + name, .spare_slots = 12}, site.clock);
  };
  {
    io::PosixFileSystem probe(io::QueueKind::kUring);
    TRY_ASSIGN([[maybe_unused]] const auto queue, probe.open_write_queue(1));
  }
  TRY_ASSIGN(const auto uring, open(io::QueueKind::kUring, "/uring"));
  TRY_ASSIGN(const auto calls, open(io::QueueKind::kSystemCalls, "/calls"));
  const auto count = std::make_shared<std::size_t>(0);
  return Sampler([uring, calls, count, &site]() -> Result<std::vector<Reading>> {
    const bool is_uring_first = ++*count % 2 == 0;  // neither gains by its place
    struct Shape {
      std::size_t producers;
      std::size_t batch_events;
    };
    constexpr std::array<Shape, 4> kShapes{{{1, 1}, {16, 1}, {64, 1}, {8, 100}}};
    std::vector<Reading> readings;
    for (const Shape& shape : kShapes) {
      const LoadOptions load{.producers = shape.producers,
                             .batch_events = shape.batch_events,
                             .event_bytes = site.options.event_bytes,
                             .duration_ns = site.options.load_ns / 2,
                             .payload_bytes_max = kPayloadBytesMax};
      TRY_ASSIGN(const double first, (is_uring_first ? uring : calls)->commits_per_second(load));
      TRY_ASSIGN(const double second, (is_uring_first ? calls : uring)->commits_per_second(load));
      readings.push_back(
          {.value = is_uring_first ? first : second, .control = is_uring_first ? second : first});
    }
    return readings;
  });
}

Result<Sampler> prepare_slow_device(const GoalSite& site) {
  struct Slow {
    std::unique_ptr<io::FileSystem> file_system;
    std::unique_ptr<io::Directory> directory;
    std::unique_ptr<DeviceControl> control;
    std::shared_ptr<OwnSystem> channel;
    std::shared_ptr<OwnSystem> fast;
  };
  TRY_ASSIGN(const ControlSample usual, site.device.durable_writes(kControlNs));
  const std::uint64_t delay_ns = (kSlowdown - 1) * usual.p50_ns;
  const auto slow = std::make_shared<Slow>();
  slow->file_system = std::make_unique<SlowFileSystem>(site.file_system, site.clock, delay_ns);
  TRY_ASSIGN(slow->directory, slow->file_system->open_directory(site.directory + "/control",
                                                                io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(slow->control, DeviceControl::open(*slow->directory, site.clock));
  TRY_ASSIGN(slow->channel,
             open_on(std::make_unique<SlowFileSystem>(site.file_system, site.clock, delay_ns),
                     {.directory = site.directory + "/slow"}, site.clock));
  TRY_ASSIGN(slow->fast, open_on(std::make_unique<io::PosixFileSystem>(),
                                 {.directory = site.directory + "/fast"}, site.clock));
  return Sampler([slow, &site]() -> Result<std::vector<Reading>> {
    const LoadOptions load{.producers = 128,
                           .event_bytes = site.options.event_bytes,
                           .duration_ns = site.options.load_ns};
    TRY_ASSIGN(const double fast_rate, slow->fast->commits_per_second(load));
    TRY_ASSIGN(const double slow_rate, slow->channel->commits_per_second(load));
    TRY_ASSIGN(const ControlSample fast, site.device.durable_writes(kControlNs));
    TRY_ASSIGN(const ControlSample late, slow->control->durable_writes(kControlNs));
    return std::vector<Reading>{
        {.value = fast_rate / slow_rate, .control = fast.ops_per_second / late.ops_per_second}};
  });
}

}  // namespace spillway::bench
