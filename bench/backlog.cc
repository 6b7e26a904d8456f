#include "bench/backlog.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "bench/killed_child.h"

namespace spillway::bench {
namespace {

// Small, so that the cache is full early and what grows afterwards is the index.
constexpr std::uint64_t kCacheBytes = 4 * kMiB;
// The log writes about this much per event besides the body.
constexpr std::uint64_t kEventOverheadBytes = 5;
constexpr std::uint64_t kWarmUpBytes = 64 * kMiB;
// Just less than what makes a checkpoint.
constexpr std::uint64_t kTailBytes = 31 * kMiB;

ChannelSetup setup_of(const BacklogPlace& place) {
  return {.directory = place.directory, .spare_slots = 0, .cache_bytes = kCacheBytes};
}

std::uint64_t events_in(const BacklogPlace& place, std::uint64_t bytes) {
  return bytes / (place.event_bytes + kEventOverheadBytes);
}

double seconds_since(const Clock& clock, std::uint64_t started_ns) {
  return static_cast<double>(clock.monotonic_ns() - started_ns) / 1e9;
}

}  // namespace

Result<BacklogFill> fill_and_kill(const BacklogPlace& place, std::uint64_t events) {
  const auto work = [&](std::unique_ptr<BenchChannel>& kept) -> Result<std::vector<double>> {
    TRY_ASSIGN(kept, BenchChannel::open(setup_of(place), place.file_system, place.clock));
    const std::uint64_t warm_up = std::min(events / 2, events_in(place, kWarmUpBytes));
    TRY(kept->fill(warm_up, place.event_bytes));
    const double before = resident_bytes();
    const std::uint64_t started = place.clock.monotonic_ns();
    TRY(kept->fill(events - warm_up, place.event_bytes));
    const double seconds = seconds_since(place.clock, started);
    const auto added = static_cast<double>(events - warm_up);
    return std::vector<double>{added / seconds, (resident_bytes() - before) / added};
  };
  TRY_ASSIGN(const auto numbers, run_and_kill(work));
  return BacklogFill{.events_per_second = numbers[0], .memory_per_event = numbers[1]};
}

Result<BacklogOpen> open_and_kill(const BacklogPlace& place) {
  const auto work = [&](std::unique_ptr<BenchChannel>& kept) -> Result<std::vector<double>> {
    // open() waits for nothing here: no spare slots are wanted.
    const std::uint64_t started = place.clock.monotonic_ns();
    TRY_ASSIGN(kept, BenchChannel::open(setup_of(place), place.file_system, place.clock));
    const double start_seconds = seconds_since(place.clock, started);
    const double resident = resident_bytes();
    channel::FileChannel& channel = kept->channel();
    const auto events = static_cast<double>(channel.size_events());
    const auto scanned = static_cast<double>(channel.recovered().scanned_bytes);

    const std::uint64_t take_started = place.clock.monotonic_ns();
    TRY_ASSIGN(const auto taken, channel.take(1000, std::chrono::milliseconds(0)));
    const double take_seconds = seconds_since(place.clock, take_started);
    taken->rollback();

    const double manifest_before = kept->metrics()["manifest_written_bytes_total"];
    const std::uint64_t checkpoint_started = place.clock.monotonic_ns();
    TRY(channel.checkpoint());
    const double checkpoint_seconds = seconds_since(place.clock, checkpoint_started);
    MetricValues metrics = kept->metrics();
    TRY(kept->fill(events_in(place, kTailBytes), place.event_bytes));
    return std::vector<double>{start_seconds * 1e3,
                               scanned,
                               events,
                               resident,
                               take_seconds * 1e3,
                               checkpoint_seconds * 1e3,
                               metrics["manifest_written_bytes_total"] - manifest_before,
                               metrics["segments"]};
  };
  TRY_ASSIGN(const auto n, run_and_kill(work));
  return BacklogOpen{.start_ms = n[0],
                     .tail_bytes = n[1],
                     .events = n[2],
                     .resident_bytes = n[3],
                     .first_take_ms = n[4],
                     .checkpoint_ms = n[5],
                     .manifest_bytes = n[6],
                     .segments = n[7]};
}

}  // namespace spillway::bench
