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
  struct Shape {
    std::uint64_t bytes;
    std::size_t depth;
  };
  static constexpr std::array<Shape, 4> kShapes{
      {{4 * kKiB, 1}, {4 * kKiB, 4}, {64 * kKiB, 4}, {1 * kMiB, 4}}};
  struct Rings {
    io::PosixFileSystem file_system{io::QueueKind::kUring};
    std::vector<std::unique_ptr<io::WriteQueue>> queues = {};
    bool is_ring_first = false;
  };
  const auto rings = std::make_shared<Rings>();
  for (const Shape& shape : kShapes) {
    TRY_ASSIGN(auto queue, rings->file_system.open_write_queue(shape.depth));
    rings->queues.push_back(std::move(queue));
  }
  return Sampler([rings, &site]() -> Result<std::vector<Reading>> {
    rings->is_ring_first = !rings->is_ring_first;  // neither gains by its place
    std::vector<Reading> readings;
    for (std::size_t i = 0; i < kShapes.size(); ++i) {
      const Shape& shape = kShapes[i];
      const auto by_ring = [&] {
        return site.device.queued_durable_writes(*rings->queues[i], shape.bytes, kControlNs);
      };
      const auto by_threads = [&] {
        return site.device.threaded_durable_writes(shape.bytes, shape.depth, kControlNs);
      };
      TRY_ASSIGN(const ControlSample first, rings->is_ring_first ? by_ring() : by_threads());
      TRY_ASSIGN(const ControlSample second, rings->is_ring_first ? by_threads() : by_ring());
      const ControlSample& ring = rings->is_ring_first ? first : second;
      const ControlSample& threads = rings->is_ring_first ? second : first;
      readings.push_back({.value = ring.ops_per_second, .control = threads.ops_per_second});
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
