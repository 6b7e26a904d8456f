// Goals about puts: rate, latency, grouping, throughput, processor time, bytes. G1 to G8.
#include <memory>
#include <utility>
#include <vector>

#include "bench/goal.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
// Bounds a sample of the large batches, and with it the slots that must be ready.
constexpr std::uint64_t kPayloadBytesMax = 512 * kMiB;
constexpr std::size_t kSlotsForPayload = 14;
constexpr std::size_t kSlotsForCommits = 6;

double us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1e3;
}

LoadOptions load_of(const GoalSite& site, std::size_t producers, std::size_t batch_events) {
  return {.producers = producers,
          .batch_events = batch_events,
          .event_bytes = site.options.event_bytes,
          .duration_ns = site.options.load_ns,
          .payload_bytes_max = kPayloadBytesMax};
}

/// The channel that all samples of a goal use, empty before each load.
class CommitLoads {
 public:
  static Result<std::shared_ptr<CommitLoads>> open(
      const GoalSite& site, std::size_t spare_slots,
      channel::Durability durability = channel::Durability::kCommit) {
    const ChannelSetup setup{.directory = site.directory,
                             .spare_slots = spare_slots,
                             .durability = durability,
                             .write_path = site.options.write_path};
    TRY_ASSIGN(auto channel, BenchChannel::open(setup, site.file_system, site.clock));
    return std::make_shared<CommitLoads>(site, std::move(channel));
  }

  CommitLoads(const GoalSite& site, std::unique_ptr<BenchChannel> channel)
      : site_(site), channel_(std::move(channel)) {}

  Result<LoadSample> run(std::size_t producers, std::size_t batch_events) {
    TRY_ASSIGN(const LoadSample sample, channel_->run(load_of(site_, producers, batch_events)));
    TRY(channel_->drain());
    return sample;
  }

 private:
  const GoalSite& site_;
  std::unique_ptr<BenchChannel> channel_;
};

using SharedLoads = std::shared_ptr<CommitLoads>;

Reading written_over_payload(const LoadSample& s) {
  const double payload = s.payload_bytes_per_second / 1e6;
  return {.value = payload * s.write_amplification, .control = payload};
}

// Batches of 100, against W.
Result<std::vector<Reading>> payload_beside_writes(const GoalSite& site, CommitLoads& loads,
                                                   std::size_t producers) {
  TRY_ASSIGN(const ControlSample before, site.device.raw_writes(kControlNs));
  TRY_ASSIGN(const LoadSample s, loads.run(producers, 100));
  TRY_ASSIGN(const ControlSample after, site.device.raw_writes(kControlNs));
  return std::vector<Reading>{
      {.value = s.payload_bytes_per_second / 1e6,
       .control = (before.bytes_per_second + after.bytes_per_second) / 2e6}};
}

// The same threads and bytes, group commit alone.
Result<BareGroupSample> bare_groups(const GoalSite& site, std::size_t threads,
                                    std::uint64_t batch_events) {
  return site.device.bare_group_commits(threads, batch_events * site.options.event_bytes,
                                        site.options.load_ns);
}

}  // namespace

Result<Sampler> prepare_lone_commit_rate(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForCommits));
  return Sampler([loads, &site]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const LoadSample s, loads->run(1, 1));
    TRY_ASSIGN(const ControlSample growing, site.device.growing_writes(kControlNs));
    return std::vector<Reading>{{.value = s.commits_per_second},
                                {.value = s.commits_per_second, .control = growing.ops_per_second}};
  });
}

Result<Sampler> prepare_lone_commit_latency(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForCommits));
  return Sampler([loads]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const LoadSample s, loads->run(1, 1));
    return std::vector<Reading>{
        {.value = us(s.p50_ns)}, {.value = us(s.p99_ns)}, {.value = us(s.p999_ns)}};
  });
}

Result<Sampler> prepare_group_commit(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForCommits));
  return Sampler([loads]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const LoadSample alone, loads->run(1, 1));
    std::vector<Reading> readings;
    for (const std::size_t producers : {2U, 4U, 8U, 16U, 64U}) {
      TRY_ASSIGN(const LoadSample s, loads->run(producers, 1));
      readings.push_back({.value = s.commits_per_second, .control = alone.commits_per_second});
    }
    return readings;
  });
}

Result<Sampler> prepare_group_latency(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForCommits));
  return Sampler([loads]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const LoadSample s, loads->run(16, 1));
    return std::vector<Reading>{{.value = us(s.p99_ns)}};
  });
}

Result<Sampler> prepare_throughput(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForPayload));
  return Sampler([loads, &site]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(std::vector<Reading> readings, payload_beside_writes(site, *loads, 8));
    TRY_ASSIGN(const BareGroupSample bare, bare_groups(site, 8, 100));
    const double bare_mb = bare.bytes_per_second / 1e6;
    readings.push_back({.value = readings.front().value, .control = bare_mb});
    return readings;
  });
}

Result<Sampler> prepare_async_throughput(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads,
             CommitLoads::open(site, kSlotsForPayload, channel::Durability::kAsync));
  return Sampler([loads, &site] { return payload_beside_writes(site, *loads, 2); });
}

Result<Sampler> prepare_cpu(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForPayload));
  return Sampler([loads, &site]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const BareGroupSample bare, bare_groups(site, 16, 1));
    TRY_ASSIGN(const LoadSample single, loads->run(16, 1));
    TRY_ASSIGN(const LoadSample batches, loads->run(8, 100));
    return std::vector<Reading>{
        {.value = single.cpu_us_per_event},
        {.value = single.cpu_us_per_event, .control = bare.cpu_us_per_commit},
        {.value = batches.cpu_us_per_event}};
  });
}

Result<Sampler> prepare_amplification(const GoalSite& site) {
  TRY_ASSIGN(const SharedLoads loads, CommitLoads::open(site, kSlotsForPayload));
  return Sampler([loads]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const LoadSample batches, loads->run(8, 200));
    TRY_ASSIGN(const LoadSample single, loads->run(16, 1));
    return std::vector<Reading>{written_over_payload(batches), written_over_payload(single)};
  });
}

}  // namespace spillway::bench
