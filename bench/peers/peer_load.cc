#include "bench/peers/peer_load.h"

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/latencies.h"
#include "wal/base/mutex.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kWarmUpNs = 50'000'000;

enum class Phase : std::uint8_t { kWarmUp, kMeasured, kOver };

// What the threads of one load share.
struct Run {
  Run(Peer& the_peer, const PeerLoad& the_load, const Clock& the_clock)
      : peer(the_peer), load(the_load), clock(the_clock) {}

  Peer& peer;
  const PeerLoad& load;
  const Clock& clock;
  std::atomic<Phase> phase{Phase::kWarmUp};
  std::atomic<std::uint64_t> events{0};
  std::atomic<bool> has_failed{false};
  Mutex mutex;
  Result<void> failure GUARDED_BY(mutex);
  Latencies latencies GUARDED_BY(mutex);
};

void commit_until_over(Run& run) {
  const std::string body(run.load.event_bytes, 'x');
  const std::vector<std::string_view> events(run.load.batch_events, body);
  Latencies latencies;
  while (run.phase.load() != Phase::kOver && !run.has_failed.load()) {
    const std::uint64_t started = run.clock.monotonic_ns();
    const Result<void> done = run.peer.put(events);
    if (!done.has_value()) {
      const MutexLock lock(run.mutex);
      run.failure = done;
      run.has_failed.store(true);
      return;
    }
    if (run.phase.load() != Phase::kMeasured) continue;
    latencies.record(run.clock.monotonic_ns() - started);
    run.events.fetch_add(events.size());
  }
  const MutexLock lock(run.mutex);
  run.latencies.merge(latencies);
}

}  // namespace

Result<PeerSample> run_load(Peer& peer, const PeerLoad& load, const Clock& clock) {
  Run run(peer, load, clock);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < load.threads; ++i) {
    threads.emplace_back([&run] { commit_until_over(run); });
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(kWarmUpNs));
  const std::uint64_t started = clock.monotonic_ns();
  run.phase.store(Phase::kMeasured);
  std::uint64_t now = started;
  while (now - started < load.duration_ns && !run.has_failed.load() &&
         run.events.load() * load.event_bytes < load.payload_bytes_max) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    now = clock.monotonic_ns();
  }
  const auto events = static_cast<double>(run.events.load());
  run.phase.store(Phase::kOver);
  for (std::thread& thread : threads) thread.join();
  const MutexLock lock(run.mutex);
  TRY(run.failure);
  return PeerSample{.events_per_second = events / (static_cast<double>(now - started) / 1e9),
                    .p50_us = static_cast<double>(run.latencies.quantile(0.5)) / 1e3,
                    .p99_us = static_cast<double>(run.latencies.quantile(0.99)) / 1e3};
}

}  // namespace spillway::bench
