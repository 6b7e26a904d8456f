#include "bench/soak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "bench/killed_child.h"
#include "channel/event_batch.h"
#include "wal/base/check.h"
#include "wal/base/metrics.h"
#include "wal/base/mutex.h"

namespace spillway::bench {
namespace {

constexpr std::size_t kTakeEvents = 1000;
constexpr std::uint64_t kGivenBackEvery = 64;  // takes
constexpr std::chrono::milliseconds kPauseStep{5};
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kLateMaxNs = 100'000'000;
constexpr std::uint64_t kSleepMinNs = 1'000'000;
// What the consumer leaves of the backlog before it pauses again: the producer does not wait.
constexpr std::uint64_t kDrainedShare = 64;

double count_open_files() {
  std::error_code ignored;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", ignored), end; at != end;
       at.increment(ignored)) {
    ++count;
  }
  return count;
}

// Both threads of a soak; the caller samples.
class Soak {
 public:
  Soak(const SoakPlan& plan, channel::FileChannel& channel, const Clock& clock)
      : plan_(plan), channel_(channel), clock_(clock), started_ns_(clock.monotonic_ns()) {
    CHECK(plan.event_bytes >= sizeof(std::uint64_t));
    producer_ = std::thread([this] { note(produce()); });
    consumer_ = std::thread([this] { note(consume()); });
  }
  Soak(const Soak&) = delete;
  Soak& operator=(const Soak&) = delete;
  ~Soak() { static_cast<void>(stop()); }

  /// Ends the puts and drains what is left.
  Result<void> stop() {
    is_over_.store(true);
    if (producer_.joinable()) producer_.join();
    is_put_.store(true);
    if (consumer_.joinable()) consumer_.join();
    const MutexLock lock(mutex_);
    if (error_) return *error_;
    return {};
  }

  [[nodiscard]] bool has_failed() const { return has_failed_.load(); }

  [[nodiscard]] SoakSample sample() const {
    return {.seconds = static_cast<double>(clock_.monotonic_ns() - started_ns_) / 1e9,
            .cycles = cycles_.load(),
            .is_draining = is_draining_.load(),
            .backlog_bytes = static_cast<double>(backlog_bytes()),
            .resident_bytes = resident_bytes(),
            .open_files = count_open_files()};
  }

  void report(SoakRun& run) const {
    run.events_put = put_.load();
    run.events_taken = taken_.load();
    run.events_given_back = given_back_.load();
    run.put_p50_ns = put_ns_.quantile(0.5);
    run.put_p999_ns = put_ns_.quantile(0.999);
    run.put_max_ns = put_ns_.max();
  }

 private:
  [[nodiscard]] std::uint64_t backlog_bytes() const {
    return channel_.size_events() * plan_.event_bytes;
  }

  void note(const Result<void>& outcome) {
    if (outcome.has_value()) return;
    const MutexLock lock(mutex_);
    if (!error_) error_ = outcome.error();
    has_failed_.store(true);
    is_over_.store(true);
  }

  Result<void> produce() {
    std::string body(plan_.event_bytes, 'x');
    channel::EventBatch batch;
    const std::uint64_t batch_bytes = plan_.batch_events * plan_.event_bytes;
    const std::uint64_t batch_ns = batch_bytes * kSecondNs / plan_.put_bytes_per_second;
    std::uint64_t due_ns = started_ns_;
    while (!is_over_.load()) {
      // What was missed while the machine, or the consumer, was slow is not made up for.
      const std::uint64_t now_ns = clock_.monotonic_ns();
      due_ns = std::max(due_ns + batch_ns, now_ns - std::min(now_ns, kLateMaxNs));
      if (due_ns > now_ns + kSleepMinNs) {
        std::this_thread::sleep_for(std::chrono::nanoseconds(due_ns - now_ns));
      }
      if (backlog_bytes() > 2 * plan_.backlog_bytes_max) {
        std::this_thread::sleep_for(kPauseStep);
        continue;
      }
      batch.clear();
      for (std::size_t i = 0; i < plan_.batch_events; ++i) {
        const std::uint64_t number = put_.load() + i;
        std::memcpy(body.data(), &number, sizeof number);
        batch.add(body);
      }
      const std::uint64_t put_ns = clock_.monotonic_ns();
      TRY(channel_.put(batch));
      put_ns_.record(clock_.monotonic_ns() - put_ns);
      put_.fetch_add(plan_.batch_events);
    }
    return {};
  }

  Result<void> consume() {
    std::uint64_t takes = 0;
    while (!has_failed()) {
      const bool is_put = is_put_.load();
      if (!is_put && !is_draining_.load() && backlog_bytes() < plan_.backlog_bytes_max) {
        std::this_thread::sleep_for(kPauseStep);
        continue;
      }
      is_draining_.store(true);
      TRY_ASSIGN(const auto taken, channel_.take(kTakeEvents, kPauseStep));
      if (++takes % kGivenBackEvery == 0) {
        given_back_.fetch_add(taken->events().size());
        taken->rollback();
        continue;
      }
      for (const channel::EventView& event : taken->events()) TRY(check(event));
      const std::size_t count = taken->events().size();
      if (count > 0) TRY(taken->commit());
      taken_.fetch_add(count);
      if (is_put && count == 0) break;
      if (backlog_bytes() > plan_.backlog_bytes_max / kDrainedShare) continue;
      cycles_.fetch_add(1);
      is_draining_.store(false);
    }
    return {};
  }

  Result<void> check(const channel::EventView& event) {
    const bool is_right = event.body().size() == plan_.event_bytes &&
                          load_le<std::uint64_t>(as_bytes(event.body()).data()) == next_;
    if (!is_right) {
      return Error{.code = Errc::kCorrupt, .what = "another event was due", .at = next_};
    }
    ++next_;
    return {};
  }

  const SoakPlan& plan_;
  channel::FileChannel& channel_;
  const Clock& clock_;
  const std::uint64_t started_ns_;
  Histogram put_ns_;
  std::atomic<bool> is_over_{false};
  std::atomic<bool> is_put_{false};  // all of it
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> is_draining_{false};
  std::atomic<std::size_t> cycles_{0};
  std::atomic<std::uint64_t> put_{0};
  std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint64_t> given_back_{0};
  std::uint64_t next_ = 0;  // the consumer's
  Mutex mutex_;
  std::optional<Error> error_ GUARDED_BY(mutex_);
  std::thread producer_;  // last: they use the others
  std::thread consumer_;
};

}  // namespace

Result<SoakRun> run_soak(const SoakPlan& plan, io::FileSystem& file_system, const Clock& clock,
                         const OnSoakSample& on_sample) {
  TRY_ASSIGN(const auto channel, BenchChannel::open(plan.channel, file_system, clock));
  SoakRun run;
  run.samples.reserve(plan.duration_ns / plan.sample_every_ns + 1);
  Soak soak(plan, channel->channel(), clock);
  const std::uint64_t started_ns = clock.monotonic_ns();
  while (!soak.has_failed() && clock.monotonic_ns() - started_ns < plan.duration_ns) {
    std::this_thread::sleep_for(std::chrono::nanoseconds(plan.sample_every_ns));
    run.samples.push_back(soak.sample());
    if (!on_sample(run.samples.back())) break;
  }
  TRY(soak.stop());
  soak.report(run);
  if (run.events_taken != run.events_put) {
    return Error{.code = Errc::kCorrupt, .what = "events are missing at the end"};
  }
  return run;
}

}  // namespace spillway::bench
