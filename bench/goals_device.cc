// Goals about the way to the device: io_uring beside system calls, and a device that turns slow.
// G21 and G22.
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/goal.h"
#include "bench/slow_file_system.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kSlowdown = 100;
// Bounds a sample of large batches, and with it the slots that must be ready.
constexpr std::uint64_t kPayloadBytesMax = 256 * kMiB;
constexpr std::size_t kSlotsForPayload = 8;

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

namespace {

using OneWay = std::function<Result<double>(wal::WritePath path)>;

// Ring or threads first, so that neither gains by its place.
Result<Reading> ring_over_threads(bool is_ring_first, const OneWay& one_way) {
  constexpr auto kRing = wal::WritePath::kRing;
  constexpr auto kThreads = wal::WritePath::kThreads;
  TRY_ASSIGN(const double first, one_way(is_ring_first ? kRing : kThreads));
  TRY_ASSIGN(const double second, one_way(is_ring_first ? kThreads : kRing));
  if (is_ring_first) return Reading{.value = first, .control = second};
  return Reading{.value = second, .control = first};
}

struct BareShape {
  std::uint64_t bytes;
  std::size_t depth;
};
constexpr std::array<BareShape, 4> kBareShapes{
    {{4 * kKiB, 1}, {4 * kKiB, 4}, {64 * kKiB, 4}, {1 * kMiB, 4}}};

struct LoadShape {
  channel::Durability durability;
  std::size_t producers;
  std::size_t batch_events;
};
constexpr std::array<LoadShape, 3> kLoadShapes{{{channel::Durability::kCommit, 16, 1},
                                                {channel::Durability::kCommit, 8, 100},
                                                {channel::Durability::kAsync, 2, 100}}};

/// A queue for each bare shape, and for each durability a channel with a ring and one with threads.
class RingBesideThreads {
 public:
  explicit RingBesideThreads(const GoalSite& site) : site_(site) {}

  Result<void> open();
  Result<std::vector<Reading>> sample();

 private:
  Result<double> write(std::size_t shape, wal::WritePath path);
  Result<double> run(const LoadShape& shape, wal::WritePath path);

  const GoalSite& site_;
  std::vector<std::unique_ptr<io::WriteQueue>> queues_;
  std::map<std::pair<channel::Durability, wal::WritePath>, std::shared_ptr<OwnSystem>> channels_;
  bool is_ring_first_ = false;
};

Result<void> RingBesideThreads::open() {
  for (const BareShape& shape : kBareShapes) {
    TRY_ASSIGN(auto queue,
               site_.file_system.open_write_queue(shape.depth, io::Durability::kDurable));
    queues_.push_back(std::move(queue));
  }
  for (const auto durability : {channel::Durability::kCommit, channel::Durability::kAsync}) {
    for (const auto path : {wal::WritePath::kRing, wal::WritePath::kThreads}) {
      const ChannelSetup setup{
          .directory = site_.directory + "/" + std::to_string(channels_.size()),
          .spare_slots = kSlotsForPayload,
          .durability = durability,
          .write_path = path};
      TRY_ASSIGN(auto opened, open_on(std::make_unique<io::PosixFileSystem>(), setup, site_.clock));
      channels_[{durability, path}] = std::move(opened);
    }
  }
  return {};
}

Result<double> RingBesideThreads::write(std::size_t shape, wal::WritePath path) {
  const auto [bytes, depth] = kBareShapes[shape];
  TRY_ASSIGN(const ControlSample written,
             path == wal::WritePath::kRing
                 ? site_.device.queued_durable_writes(*queues_[shape], bytes, kControlNs)
                 : site_.device.threaded_durable_writes(bytes, depth, kControlNs));
  return written.ops_per_second;
}

Result<double> RingBesideThreads::run(const LoadShape& shape, wal::WritePath path) {
  return channels_.at({shape.durability, path})
      ->commits_per_second({.producers = shape.producers,
                            .batch_events = shape.batch_events,
                            .event_bytes = site_.options.event_bytes,
                            .duration_ns = site_.options.load_ns,
                            .payload_bytes_max = kPayloadBytesMax});
}

Result<std::vector<Reading>> RingBesideThreads::sample() {
  is_ring_first_ = !is_ring_first_;
  std::vector<Reading> readings;
  for (std::size_t shape = 0; shape < kBareShapes.size(); ++shape) {
    TRY_ASSIGN(const Reading reading, ring_over_threads(is_ring_first_, [&](wal::WritePath path) {
                 return write(shape, path);
               }));
    readings.push_back(reading);
  }
  for (const LoadShape& shape : kLoadShapes) {
    TRY_ASSIGN(const Reading reading, ring_over_threads(is_ring_first_, [&](wal::WritePath path) {
                 return run(shape, path);
               }));
    readings.push_back(reading);
  }
  return readings;
}

}  // namespace

Result<Sampler> prepare_uring(const GoalSite& site) {
  const auto both = std::make_shared<RingBesideThreads>(site);
  TRY(both->open());
  return Sampler([both] { return both->sample(); });
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
