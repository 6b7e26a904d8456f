#include "bench/peers/take_load.h"

#include <chrono>

#include "bench/latencies.h"

namespace spillway::bench {
namespace {

// The number of events taken and acknowledged in one transaction.
Result<std::size_t> take_once(channel::FileChannel& channel, const TakeLoad& load) {
  TRY_ASSIGN(const auto taken, channel.take(load.batch_events, std::chrono::milliseconds(0)));
  for (const channel::EventView& event : taken->events()) {
    if (event.body().size() != load.event_bytes || event.body().front() != 'x') {
      return Error{.code = Errc::kCorrupt, .what = "took another event than was put"};
    }
  }
  const std::size_t count = taken->events().size();
  TRY(taken->commit());
  return count;
}

}  // namespace

Result<PeerSample> run_takes(BenchChannel& channel, const TakeLoad& load, const Clock& clock) {
  const std::uint64_t waiting = channel.channel().size_events();
  if (waiting < load.backlog_events) {
    TRY(channel.fill(load.backlog_events - waiting, load.event_bytes));
    TRY(channel.wait_for_spare_slots());
  }
  const std::uint64_t begun = clock.monotonic_ns();
  while (clock.monotonic_ns() - begun < load.warm_up_ns) {
    TRY_ASSIGN([[maybe_unused]] const std::size_t count, take_once(channel.channel(), load));
  }
  Latencies latencies;
  std::uint64_t events = 0;
  const std::uint64_t started = clock.monotonic_ns();
  std::uint64_t now = started;
  while (now - started < load.duration_ns) {
    TRY_ASSIGN(const std::size_t count, take_once(channel.channel(), load));
    if (count == 0) break;
    const std::uint64_t after = clock.monotonic_ns();
    latencies.record(after - now);
    now = after;
    events += count;
  }
  if (events == 0) return Error{.code = Errc::kFull, .what = "the backlog is too small to measure"};
  return PeerSample{
      .events_per_second = static_cast<double>(events) / (static_cast<double>(now - started) / 1e9),
      .p50_us = static_cast<double>(latencies.quantile(0.5)) / 1e3,
      .p99_us = static_cast<double>(latencies.quantile(0.99)) / 1e3};
}

}  // namespace spillway::bench
