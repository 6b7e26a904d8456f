#include "bench/channel_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/channel_load.h"
#include "bench/samples.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr int kExitFine = 0;
constexpr int kExitFailed = 1;
constexpr int kExitBadUsage = 2;

constexpr std::string_view kUsage =
    "usage: spillway bench channel [--dir DIR] [--producers N,N…] [--consumers N] [--batch N,N…]\n"
    "                              [--event-bytes N] [--seconds N] [--samples N]\n"
    "\n"
    "Commits events durably to a file channel in DIR (default: the current directory) for each\n"
    "combination of producers and batch. Before and after every sample the bare device makes\n"
    "durable 4 KiB writes one at a time; ratios are against those.\n";

struct Arguments {
  std::string directory = ".";
  std::vector<std::uint64_t> producers{1, 2, 4, 8, 16};
  std::vector<std::uint64_t> batches{1, 100};
  std::uint64_t consumers = 0;
  std::uint64_t event_bytes = 500;
  std::uint64_t seconds = 1;
  std::uint64_t samples = 7;
};

std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  while (true) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return numbers;
    if (text.front() != ',') return std::nullopt;
    text.remove_prefix(1);
  }
}

bool set_argument(Arguments& arguments, std::string_view name, std::string_view value) {
  if (name == "--dir") {
    arguments.directory = value;
    return true;
  }
  const auto numbers = parse_numbers(value);
  if (!numbers) return false;
  const bool has_zero = std::find(numbers->begin(), numbers->end(), 0) != numbers->end();
  if (name == "--producers" && !has_zero) {
    arguments.producers = *numbers;
  } else if (name == "--batch" && !has_zero) {
    arguments.batches = *numbers;
  } else if (numbers->size() != 1) {
    return false;
  } else if (name == "--consumers") {
    arguments.consumers = numbers->front();
  } else if (has_zero) {
    return false;
  } else if (name == "--event-bytes") {
    arguments.event_bytes = numbers->front();
  } else if (name == "--seconds") {
    arguments.seconds = numbers->front();
  } else if (name == "--samples") {
    arguments.samples = numbers->front();
  } else {
    return false;
  }
  return true;
}

// What one sample measures, in this order.
enum Quantity : std::size_t {
  kEvents,
  kCommits,
  kCommitRatio,
  kP50Ratio,
  kP99Ratio,
  kCpuMicros,
  kAmplification,
  kTaken,
  kMegabytes,
  kRawRatio,
};

constexpr std::uint64_t kRawNs = 250'000'000;

// Where a run takes place.
struct Bench {
  std::string directory;
  io::FileSystem& file_system;
  const Clock& clock;
  DeviceControl& device;
};

Result<std::vector<double>> measure(const LoadOptions& load, const ControlSample& control,
                                    const Bench& bench) {
  TRY_ASSIGN(const ControlSample raw, bench.device.raw_writes(kRawNs));
  TRY_ASSIGN(const LoadSample s, run_load(load, bench.directory, bench.file_system, bench.clock));
  const auto ratio = [](std::uint64_t ours, std::uint64_t theirs) {
    return static_cast<double>(ours) / static_cast<double>(theirs);
  };
  return std::vector<double>{s.events_per_second,
                             s.commits_per_second,
                             s.commits_per_second / control.ops_per_second,
                             ratio(s.p50_ns, control.p50_ns),
                             ratio(s.p99_ns, control.p99_ns),
                             s.cpu_us_per_event,
                             s.write_amplification,
                             s.taken_per_second,
                             s.payload_bytes_per_second / 1e6,
                             s.payload_bytes_per_second / raw.bytes_per_second};
}

void print_row(const LoadOptions& load, const std::vector<PairedSample>& samples) {
  const auto at = [&](Quantity quantity) { return summarize(samples, quantity); };
  const Summary ratio = at(kCommitRatio);
  fmt::print(
      "{:>9} {:>6} {:>10.0f} {:>9.0f} {:>8.1f} {:>7.2f} {:>13} {:>6.2f} {:>7.2f} {:>7.2f} "
      "{:>7.2f} {:>6.2f} {:>10.0f} {:>5}/{}\n",
      load.producers, load.batch_events, at(kEvents).median, at(kCommits).median,
      at(kMegabytes).median, ratio.median, fmt::format("{:.2f}-{:.2f}", ratio.min, ratio.max),
      at(kRawRatio).median, at(kP50Ratio).median, at(kP99Ratio).median, at(kCpuMicros).median,
      at(kAmplification).median, at(kTaken).median, ratio.accepted, ratio.dropped);
  static_cast<void>(std::fflush(stdout));
}

Result<void> run_channel_bench(const Arguments& arguments) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = arguments.directory + "/spillway-bench";
  TRY_ASSIGN(const auto directory,
             file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto control, DeviceControl::open(*directory, clock));
  fmt::print(
      "{} bytes per event, {} s per sample, {} consumers; x B1: commits per bare durable "
      "4 KiB write\n\n",
      arguments.event_bytes, arguments.seconds, arguments.consumers);
  const Bench bench{.directory = work + "/channel",
                    .file_system = file_system,
                    .clock = clock,
                    .device = *control};
  fmt::print(
      "{:>9} {:>6} {:>10} {:>9} {:>8} {:>7} {:>13} {:>6} {:>7} {:>7} {:>7} {:>6} {:>10} "
      "{:>7}\n",
      "producers", "batch", "events/s", "commits/s", "MB/s", "x B1", "spread", "x W", "p50 x",
      "p99 x", "us cpu", "w.amp", "taken/s", "ok/drop");
  for (const std::uint64_t batch : arguments.batches) {
    for (const std::uint64_t producers : arguments.producers) {
      const LoadOptions load{.producers = producers,
                             .consumers = arguments.consumers,
                             .batch_events = batch,
                             .event_bytes = arguments.event_bytes,
                             .duration_ns = arguments.seconds * 1'000'000'000};
      TRY_ASSIGN(const auto samples,
                 sample(*control, arguments.samples,
                        [&](const ControlSample& before) { return measure(load, before, bench); }));
      print_row(load, samples);
    }
  }
  return directory->remove("control");
}

}  // namespace

int bench_main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.empty() || words.front() != "channel" || words.size() % 2 != 1) {
    fmt::print(stderr, "{}", kUsage);
    return kExitBadUsage;
  }
  Arguments arguments;
  for (std::size_t i = 1; i + 1 < words.size(); i += 2) {
    if (set_argument(arguments, words[i], words[i + 1])) continue;
    fmt::print(stderr, "spillway bench: {} {}: not understood\n\n{}", words[i], words[i + 1],
               kUsage);
    return kExitBadUsage;
  }
  set_log_level(LogLevel::kWarn);
  const Result<void> done = run_channel_bench(arguments);
  if (done.has_value()) return kExitFine;
  fmt::print(stderr, "spillway bench: {}\n", to_string(done.error()));
  return kExitFailed;
}

}  // namespace spillway::bench
