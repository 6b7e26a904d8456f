#include "bench/outage_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bench/arguments.h"
#include "bench/bench_channel.h"
#include "bench/bench_command.h"
#include "bench/device_control.h"
#include "bench/killed_child.h"
#include "bench/report_file.h"
#include "channel/dual_channel.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBatchEvents = 100;
constexpr std::size_t kTakeEvents = 1000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kControlNs = 250'000'000;
constexpr double kMebi = static_cast<double>(kMiB);

struct Plan {
  std::uint64_t dead_seconds = 60;
  std::uint64_t event_bytes = 500;
  std::uint64_t put_bytes_per_second = 50'000'000;
};

std::optional<std::string> set_argument(Plan& plan, std::string_view name, std::string_view value) {
  const auto count = parse_count(value);
  if (!count) return fmt::format("{} {}: a number from 1 on is wanted", name, value);
  if (name == "--seconds") {
    plan.dead_seconds = *count;
  } else if (name == "--event-bytes") {
    if (*count < sizeof(std::uint64_t)) return fmt::format("{}: at least 8, for a number", name);
    plan.event_bytes = *count;
  } else if (name == "--put-megabytes-per-second") {
    plan.put_bytes_per_second = *count * 1'000'000;
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

// Five times a second.
struct Series {
  std::vector<double> at_seconds{};
  std::vector<double> put_rate{};    // MB/s
  std::vector<double> taken_rate{};  // MB/s
  std::vector<double> memory_events{};
  std::vector<double> log_events{};
  std::vector<double> resident_mib{};
};

// The producer, the consumer, and what they have seen.
class Outage {
 public:
  Outage(const Plan& plan, channel::Channel& channel, const Clock& clock)
      : plan_(plan), channel_(channel), clock_(clock) {}
  Outage(const Outage&) = delete;
  Outage& operator=(const Outage&) = delete;
  ~Outage() { end(); }

  void begin() {
    producer_ = std::thread([this] { produce(); });
    consumer_ = std::thread([this] { consume(); });
  }
  void set_dead(bool is_dead) { is_dead_ = is_dead; }
  void end() {
    is_over_ = true;
    if (producer_.joinable()) producer_.join();
    is_drained_ = true;
    if (consumer_.joinable()) consumer_.join();
  }

  std::atomic<std::uint64_t> put{0};
  std::atomic<std::uint64_t> taken{0};
  std::atomic<std::uint64_t> wrong{0};  // events that were not the next one
  std::atomic<bool> has_failed{false};

 private:
  void produce() {
    std::string body(plan_.event_bytes, 'x');
    const std::uint64_t started = clock_.monotonic_ns();
    const double batch_ns = static_cast<double>(kBatchEvents * plan_.event_bytes) * 1e9 /
                            static_cast<double>(plan_.put_bytes_per_second);
    for (std::uint64_t batches = 0; !is_over_; ++batches) {
      channel::EventBatch batch;
      for (std::uint64_t i = 0; i < kBatchEvents; ++i) {
        const std::uint64_t number = batches * kBatchEvents + i;
        std::memcpy(body.data(), &number, sizeof(number));
        batch.add(body);
      }
      const auto due = static_cast<std::uint64_t>(batch_ns * static_cast<double>(batches));
      const std::uint64_t now = clock_.monotonic_ns() - started;
      if (now < due) std::this_thread::sleep_for(std::chrono::nanoseconds(due - now));
      if (!channel_.put(batch).has_value()) {
        has_failed = true;
        return;
      }
      put += kBatchEvents;
    }
  }

  void consume() {
    std::uint64_t next = 0;
    while (!has_failed && !(is_drained_ && channel_.size_events() == 0)) {
      if (is_dead_) {
        std::this_thread::sleep_for(milliseconds(5));
        continue;
      }
      auto got = channel_.take(kTakeEvents, milliseconds(20));
      if (!got.has_value()) {
        has_failed = true;
        return;
      }
      for (const channel::EventView& event : got.value()->events()) {
        std::uint64_t number = 0;
        std::memcpy(&number, event.body().data(), sizeof(number));
        if (number != next) ++wrong;
        next = number + 1;
      }
      const std::size_t count = got.value()->events().size();
      if (!got.value()->commit().has_value()) has_failed = true;
      taken += count;
    }
  }

  const Plan plan_;
  channel::Channel& channel_;
  const Clock& clock_;
  std::atomic<bool> is_dead_{false};
  std::atomic<bool> is_over_{false};
  std::atomic<bool> is_drained_{false};
  std::thread producer_;
  std::thread consumer_;
};

MetricValues metrics_of(const channel::Channel& channel) {
  struct Sink final : MetricSink {
    void counter(std::string_view name, std::string_view, std::uint64_t value) override {
      values[std::string(name)] = static_cast<double>(value);
    }
    void gauge(std::string_view name, std::string_view, double value) override {
      values[std::string(name)] = value;
    }
    void histogram(std::string_view, std::string_view, const Histogram&) override {}
    MetricValues values{};
  } sink;
  channel.collect(sink);
  return sink.values;
}

// Watches until `until_ns` or until `is_enough`.
class Watch {
 public:
  Watch(const Plan& plan, const Outage& outage, const channel::Channel& channel, const Clock& clock)
      : plan_(plan),
        outage_(outage),
        channel_(channel),
        clock_(clock),
        started_ns_(clock.monotonic_ns()),
        last_ns_(started_ns_) {}

  template <class Enough>
  void until(std::uint64_t duration_ns, Enough&& is_enough) {
    const std::uint64_t begin = clock_.monotonic_ns();
    while (clock_.monotonic_ns() - begin < duration_ns && !outage_.has_failed && !is_enough()) {
      std::this_thread::sleep_for(milliseconds(200));
      look();
    }
  }
  [[nodiscard]] const Series& series() const { return series_; }

 private:
  void look() {
    const std::uint64_t now = clock_.monotonic_ns();
    const std::uint64_t put = outage_.put;
    const std::uint64_t taken = outage_.taken;
    const double mb_per_event = static_cast<double>(plan_.event_bytes) / 1e6;
    const double seconds = static_cast<double>(now - last_ns_) / 1e9;
    MetricValues values = metrics_of(channel_);
    series_.at_seconds.push_back(static_cast<double>(now - started_ns_) / 1e9);
    series_.put_rate.push_back(static_cast<double>(put - last_put_) * mb_per_event / seconds);
    series_.taken_rate.push_back(static_cast<double>(taken - last_taken_) * mb_per_event / seconds);
    series_.memory_events.push_back(values["resident_events"]);
    series_.log_events.push_back(values["spilled_events"]);
    series_.resident_mib.push_back(resident_bytes() / kMebi);
    last_ns_ = now;
    last_put_ = put;
    last_taken_ = taken;
  }

  const Plan plan_;
  const Outage& outage_;
  const channel::Channel& channel_;
  const Clock& clock_;
  const std::uint64_t started_ns_;
  std::uint64_t last_ns_;
  std::uint64_t last_put_ = 0;
  std::uint64_t last_taken_ = 0;
  Series series_;
};

struct Outcome {
  Series series{};
  double backlog_events = 0;
  double drain_seconds = 0;
  double drained_mb_per_second = 0;
  double memory_growth_mib = 0;  // from a quarter of the dead time on
  std::uint64_t put = 0;
  std::uint64_t lost = 0;
  std::uint64_t wrong = 0;
};

Result<Outcome> run_outage(const Plan& plan, channel::Channel& channel, const Clock& clock) {
  Outage outage(plan, channel, clock);
  Watch watch(plan, outage, channel, clock);
  const auto never = [] { return false; };
  outage.begin();
  const std::uint64_t dead_ns = plan.dead_seconds * kSecondNs;
  watch.until(dead_ns / 4, never);
  outage.set_dead(true);
  watch.until(dead_ns / 4, never);
  const std::size_t settled = watch.series().resident_mib.size();
  watch.until(dead_ns - dead_ns / 4, never);
  Outcome outcome;
  const auto& memory = watch.series().resident_mib;
  if (settled < memory.size()) {
    const auto from = memory.begin() + static_cast<std::ptrdiff_t>(settled);
    outcome.memory_growth_mib = *std::max_element(from, memory.end()) - *from;
  }
  outcome.backlog_events = static_cast<double>(channel.size_events());
  const std::uint64_t taken_before = outage.taken;
  const std::uint64_t returned = clock.monotonic_ns();
  outage.set_dead(false);
  // What remains when it keeps up.
  watch.until(20 * dead_ns, [&] { return channel.size_events() < 10 * kTakeEvents; });
  outcome.drain_seconds = static_cast<double>(clock.monotonic_ns() - returned) / 1e9;
  outcome.drained_mb_per_second = static_cast<double>(outage.taken - taken_before) *
                                  static_cast<double>(plan.event_bytes) / 1e6 /
                                  outcome.drain_seconds;
  watch.until(dead_ns / 4, never);
  outage.end();
  if (outage.has_failed) return Error{.code = Errc::kIo, .what = "a put or take failed"};
  outcome.series = watch.series();
  outcome.put = outage.put;
  outcome.lost = outage.put - std::min(outage.put.load(), outage.taken.load());
  outcome.wrong = outage.wrong;
  return outcome;
}

ReportRow report_row(const Plan& plan, const Outcome& outcome, double read_mb_per_second) {
  return {{"dead_seconds", static_cast<double>(plan.dead_seconds)},
          {"event_bytes", static_cast<double>(plan.event_bytes)},
          {"put_bytes_per_second", static_cast<double>(plan.put_bytes_per_second)},
          {"events_put", static_cast<double>(outcome.put)},
          {"events_lost", static_cast<double>(outcome.lost)},
          {"events_out_of_order", static_cast<double>(outcome.wrong)},
          {"backlog_events", outcome.backlog_events},
          {"drain_seconds", outcome.drain_seconds},
          {"drained_mb_per_second", outcome.drained_mb_per_second},
          {"device_mb_per_second", read_mb_per_second},
          {"memory_growth_mib", outcome.memory_growth_mib},
          {"at_seconds", outcome.series.at_seconds},
          {"put_rate", outcome.series.put_rate},
          {"taken_rate", outcome.series.taken_rate},
          {"memory_events", outcome.series.memory_events},
          {"log_events", outcome.series.log_events},
          {"resident_mib", outcome.series.resident_mib}};
}

Result<bool> run(const Plan& plan, const std::string& directory, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = directory + "/spillway-bench";
  TRY_ASSIGN(const auto opened, file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto device, DeviceControl::open(*opened, clock));
  TRY_ASSIGN(const ControlSample before, device->raw_reads(kControlNs));
  const std::string place = work + "/outage";
  remove_files(place);
  Result<Outcome> outcome = Error{.code = Errc::kIo, .what = "did not start"};
  {
    channel::DualChannelOptions options;
    options.log = channel_options({.directory = place});
    options.memory_events = 100'000;
    channel::DualChannel channel(std::move(options), file_system, clock);
    TRY(channel.start());
    outcome = run_outage(plan, channel, clock);
    channel.stop();
  }
  remove_files(place);
  TRY_ASSIGN(const ControlSample after, device->raw_reads(kControlNs));
  TRY(opened->remove("control"));
  TRY(outcome);
  const Outcome& seen = outcome.value();
  const double device_rate = (before.bytes_per_second + after.bytes_per_second) / 2e6;
  fmt::print(
      "{} events put, {} lost, {} out of order; {:.0f} waited after {} s\n"
      "drained in {:.1f} s at {:.0f} MB/s, {:.2f} of the device's {:.0f}, with puts going on\n"
      "memory grew by {:.0f} MiB in the last three quarters of the outage\n",
      seen.put, seen.lost, seen.wrong, seen.backlog_events, plan.dead_seconds, seen.drain_seconds,
      seen.drained_mb_per_second, seen.drained_mb_per_second / device_rate, device_rate,
      seen.memory_growth_mib);
  report.rows.push_back(report_row(plan, seen, device_rate));
  return seen.lost == 0 && seen.wrong == 0;
}

}  // namespace

int run_outage_bench(std::span<const std::string_view> words) {
  Plan plan;
  return run_bench_command(
      {.kind = "outage",
       .usage = kOutageUsage,
       .set_argument = [&](std::string_view name,
                           std::string_view value) { return set_argument(plan, name, value); },
       .run = [&](const std::string& directory,
                  Report& report) { return run(plan, directory, report); }},
      words);
}

}  // namespace spillway::bench
