// Goals about checkpoints: what a producer notices of one, and how many bytes it writes.
// G18 and G19.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/commit_spans.h"
#include "bench/goal.h"
#include "bench/latencies.h"

namespace spillway::bench {
namespace {

constexpr std::chrono::milliseconds kBetweenCheckpoints{10};

// Checkpoints until told to stop.
class Checkpointer {
 public:
  Checkpointer(channel::FileChannel& channel, const Clock& clock)
      : thread_([this, &channel, &clock] { run(channel, clock); }) {}

  Result<std::vector<Span>> stop() {
    is_over_.store(true);
    thread_.join();
    if (has_failed_.load()) return Error{.code = Errc::kIo, .what = "a checkpoint failed"};
    return spans_;
  }

 private:
  void run(channel::FileChannel& channel, const Clock& clock) {
    while (!is_over_.load()) {
      const std::uint64_t begin = clock.monotonic_ns();
      if (!channel.checkpoint().has_value()) has_failed_.store(true);
      spans_.push_back({.begin_ns = begin, .end_ns = clock.monotonic_ns()});
      std::this_thread::sleep_for(kBetweenCheckpoints);
    }
  }

  std::atomic<bool> is_over_{false};
  std::atomic<bool> has_failed_{false};
  std::vector<Span> spans_;
  std::thread thread_;  // last: it uses the others
};

}  // namespace

Result<Sampler> prepare_checkpoint_pause(const GoalSite& site) {
  TRY_ASSIGN(auto opened,
             BenchChannel::open({.directory = site.directory}, site.file_system, site.clock));
  const std::shared_ptr<BenchChannel> channel = std::move(opened);
  return Sampler([channel, &site]() -> Result<std::vector<Reading>> {
    const auto commit_for_a_load = [&]() {
      const std::uint64_t started = site.clock.monotonic_ns();
      return commit_while(site, channel->channel(), [&] {
        return site.clock.monotonic_ns() - started < site.options.load_ns;
      });
    };
    TRY_ASSIGN(const auto undisturbed, commit_for_a_load());
    Latencies baseline;
    for (const Span& commit : undisturbed) baseline.record(commit.end_ns - commit.begin_ns);
    Checkpointer checkpointer(channel->channel(), site.clock);
    const auto commits = commit_for_a_load();
    const auto checkpoints = checkpointer.stop();
    TRY(checkpoints);
    TRY(commits);
    TRY(channel->drain());
    const double longest =
        static_cast<double>(longest_beside(commits.value(), checkpoints.value()));
    const auto usual = static_cast<double>(baseline.quantile(0.5));
    return std::vector<Reading>{{.value = std::max(0.0, longest - usual) / 1e3,
                                 .control = static_cast<double>(baseline.quantile(0.999)) / 1e3}};
  });
}

Result<Sampler> prepare_checkpoint_bytes(const GoalSite& site) {
  TRY_ASSIGN(auto opened, BenchChannel::open({.directory = site.directory, .spare_slots = 8},
                                             site.file_system, site.clock));
  const std::shared_ptr<BenchChannel> channel = std::move(opened);
  return Sampler([channel, &site]() -> Result<std::vector<Reading>> {
    // The channel decides when: by the bytes of the log, and when a slot can be had back.
    MetricValues before = channel->metrics();
    const channel::ChannelCounters& counters = channel->channel().counters();
    const std::uint64_t events_before =
        counters.put_successes.value() + counters.take_successes.value();
    TRY_ASSIGN([[maybe_unused]] const LoadSample load,
               channel->run({.producers = 8,
                             .consumers = 1,
                             .batch_events = 100,
                             .event_bytes = site.options.event_bytes,
                             .duration_ns = site.options.load_ns}));
    const std::uint64_t events =
        counters.put_successes.value() + counters.take_successes.value() - events_before;
    MetricValues after = channel->metrics();
    const double written =
        after["manifest_written_bytes_total"] - before["manifest_written_bytes_total"];
    TRY(channel->drain());
    return std::vector<Reading>{{.value = written / static_cast<double>(events)}};
  });
}

}  // namespace spillway::bench
