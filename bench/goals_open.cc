// Goals about starts after a kill: how fast the tail is replayed, how long a start takes with a
// large backlog, what the backlog costs in memory. G9 to G11.
#include <memory>
#include <utility>
#include <vector>

#include "bench/backlog.h"
#include "bench/goal.h"
#include "bench/killed_child.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kReplayBytes = 384 * kMiB;
constexpr double kReplayShare = 0.6;  // of R: what a replay must reach (G9)
constexpr double kStretchTailBytes = 16.0 * kMiB;
constexpr double kFixedMs = 300;
constexpr double kStretchFixedMs = 100;

BacklogPlace place_of(const GoalSite& site) {
  return {.directory = site.directory,
          .file_system = site.file_system,
          .clock = site.clock,
          .event_bytes = site.options.backlog_event_bytes};
}

}  // namespace

Result<Sampler> prepare_tail_replay(const GoalSite& site) {
  // No checkpoint: everything is tail.
  const ChannelSetup setup{.directory = site.directory,
                           .spare_slots = 2,
                           .checkpoint_bytes = UINT64_MAX / 2,
                           .checkpoint_interval = std::chrono::hours(1)};
  return Sampler([setup, &site]() -> Result<std::vector<Reading>> {
    remove_files(site.directory);
    const auto work = [&](std::unique_ptr<BenchChannel>& kept) -> Result<std::vector<double>> {
      TRY_ASSIGN(kept, BenchChannel::open(setup, site.file_system, site.clock));
      TRY(kept->fill(kReplayBytes / site.options.event_bytes, site.options.event_bytes));
      return std::vector<double>{};
    };
    TRY_ASSIGN([[maybe_unused]] const auto nothing, run_and_kill(work));
    TRY_ASSIGN(const ControlSample before, site.device.raw_reads(kControlNs));
    channel::FileChannel channel(channel_options(setup), site.file_system, site.clock);
    const std::uint64_t started = site.clock.monotonic_ns();
    TRY(channel.start());
    const double seconds = static_cast<double>(site.clock.monotonic_ns() - started) / 1e9;
    const auto scanned = static_cast<double>(channel.recovered().scanned_bytes);
    channel.stop();
    TRY_ASSIGN(const ControlSample after, site.device.raw_reads(kControlNs));
    return std::vector<Reading>{
        {.value = scanned / seconds / 1e6,
         .control = (before.bytes_per_second + after.bytes_per_second) / 2e6}};
  });
}

Result<Sampler> prepare_open_time(const GoalSite& site) {
  const BacklogPlace place = place_of(site);
  TRY_ASSIGN([[maybe_unused]] const auto filled, fill_and_kill(place, site.options.backlog_events));
  TRY_ASSIGN([[maybe_unused]] const auto first, open_and_kill(place));  // leaves the usual tail
  return Sampler([place, &site]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const ControlSample raw, site.device.raw_reads(kControlNs));
    TRY_ASSIGN(const BacklogOpen opened, open_and_kill(place));
    const auto allowed = [&](double fixed_ms, double tail_bytes) {
      return fixed_ms + tail_bytes / (kReplayShare * raw.bytes_per_second) * 1e3;
    };
    return std::vector<Reading>{
        {.value = opened.start_ms, .control = allowed(kFixedMs, opened.tail_bytes)},
        {.value = opened.start_ms, .control = allowed(kStretchFixedMs, kStretchTailBytes)},
        {.value = opened.tail_bytes / static_cast<double>(kMiB)}};
  });
}

Result<Sampler> prepare_backlog_memory(const GoalSite& site) {
  BacklogPlace large = place_of(site);
  large.directory += "/large";
  BacklogPlace small = place_of(site);
  small.directory += "/small";
  TRY_ASSIGN(const BacklogFill filled, fill_and_kill(large, site.options.backlog_events));
  TRY_ASSIGN([[maybe_unused]] const auto few, fill_and_kill(small, 1000));
  for (const BacklogPlace& place : {large, small}) {
    TRY_ASSIGN([[maybe_unused]] const auto first, open_and_kill(place));
  }
  return Sampler([large, small, filled]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const BacklogOpen with, open_and_kill(large));
    TRY_ASSIGN(const BacklogOpen without, open_and_kill(small));
    const double growth = with.resident_bytes - without.resident_bytes;
    return std::vector<Reading>{{.value = filled.memory_per_event},
                                {.value = growth / (with.events - without.events)}};
  });
}

}  // namespace spillway::bench
