#include "bench/channel_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "bench/bench_channel.h"
#include "bench/bench_command.h"
#include "bench/device_control.h"
#include "bench/report_file.h"
#include "bench/samples.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

struct Arguments {
  wal::WritePath write_path = wal::WritePath::kThreads;
  std::vector<std::uint64_t> producers{1, 2, 4, 8, 16};
  std::vector<std::uint64_t> batches{1, 100};
  std::uint64_t consumers = 0;
  std::uint64_t event_bytes = 500;
  std::uint64_t sample_millis = 400;
  std::uint64_t samples = 7;
  // A sample that writes more than this many slots measures making them, too.
  std::uint64_t spare_slots = 14;
  std::vector<std::string> data_directories = {};  // none: below the directory of the benchmark
};

std::optional<std::string> set_argument(Arguments& arguments, std::string_view name,
                                        std::string_view value) {
  if (name == "--write-path") {
    const auto path = parse_write_path(value);
    if (!path) return fmt::format("{} {}: auto, threads or ring is wanted", name, value);
    arguments.write_path = *path;
    return std::nullopt;
  }
  if (name == "--data-dirs") {
    for (const std::string_view part : split_list(value)) {
      if (part.empty()) return fmt::format("{} {}: an item is empty", name, value);
      arguments.data_directories.push_back(std::string(part) + "/spillway-bench-data");
    }
    return std::nullopt;
  }
  const auto numbers = parse_numbers(value);
  if (!numbers) return fmt::format("{} {}: numbers are wanted", name, value);
  const bool has_zero = std::find(numbers->begin(), numbers->end(), 0) != numbers->end();
  if (has_zero && name != "--consumers") return fmt::format("{}: 0 means nothing here", name);
  if (name == "--producers") {
    arguments.producers = *numbers;
  } else if (name == "--batch") {
    arguments.batches = *numbers;
  } else if (numbers->size() != 1) {
    return fmt::format("{} {}: one number is wanted", name, value);
  } else if (name == "--consumers") {
    arguments.consumers = numbers->front();
  } else if (name == "--event-bytes") {
    arguments.event_bytes = numbers->front();
  } else if (name == "--sample-millis") {
    arguments.sample_millis = numbers->front();
  } else if (name == "--samples") {
    arguments.samples = numbers->front();
  } else if (name == "--spare-slots") {
    arguments.spare_slots = numbers->front();
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

// What one sample measures, in this order.
enum Quantity : std::size_t {
  kEvents,
  kCommits,
  kCommitRatio,
  kP50,
  kP99,
  kP999,
  kP50Ratio,
  kP99Ratio,
  kCpuMicros,
  kAmplification,
  kTaken,
  kMegabytes,
  kRawRatio,
};

constexpr std::uint64_t kRawNs = 250'000'000;
// Bounds a sample of the large batches, and with it the slots that must be ready.
constexpr std::uint64_t kPayloadBytesMax = 512 * kMiB;

Result<std::vector<double>> measure(const LoadOptions& load, const ControlSample& control,
                                    DeviceControl& device, BenchChannel& channel) {
  TRY_ASSIGN(const ControlSample raw, device.raw_writes(kRawNs));
  TRY_ASSIGN(const LoadSample s, channel.run(load));
  TRY(channel.drain());
  const auto ratio = [](std::uint64_t ours, std::uint64_t theirs) {
    return static_cast<double>(ours) / static_cast<double>(theirs);
  };
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return std::vector<double>{s.events_per_second,
                             s.commits_per_second,
                             s.commits_per_second / control.ops_per_second,
                             us(s.p50_ns),
                             us(s.p99_ns),
                             us(s.p999_ns),
                             ratio(s.p50_ns, control.p50_ns),
                             ratio(s.p99_ns, control.p99_ns),
                             s.cpu_us_per_event,
                             s.write_amplification,
                             s.taken_per_second,
                             s.payload_bytes_per_second / 1e6,
                             s.payload_bytes_per_second / raw.bytes_per_second};
}

void print_header() {
  fmt::print(
      "{:>9} {:>6} {:>10} {:>9} {:>8} {:>7} {:>13} {:>6} {:>8} {:>8} {:>7} {:>7} {:>7} "
      "{:>6} {:>10} {:>7}\n",
      "producers", "batch", "events/s", "commits/s", "MB/s", "x B1", "spread", "x W", "p50 us",
      "p99 us", "p50 x", "p99 x", "us cpu", "w.amp", "taken/s", "ok/out");
}

void print_row(const LoadOptions& load, const SampleSet& samples) {
  const auto at = [&](Quantity quantity) { return summarize(samples, quantity); };
  const Summary ratio = at(kCommitRatio);
  if (ratio.accepted == 0) {
    fmt::print("{:>9} {:>6} not measured: the device was never quiet, {} samples dropped\n",
               load.producers, load.batch_events, ratio.dropped);
    return;
  }
  fmt::print(
      "{:>9} {:>6} {:>10.0f} {:>9.0f} {:>8.1f} {:>7.2f} {:>13} {:>6.2f} {:>8.0f} {:>8.0f} "
      "{:>7.2f} {:>7.2f} {:>7.2f} {:>6.2f} {:>10.0f} {:>5}/{}\n",
      load.producers, load.batch_events, at(kEvents).median, at(kCommits).median,
      at(kMegabytes).median, ratio.median, fmt::format("{:.2f}-{:.2f}", ratio.min, ratio.max),
      at(kRawRatio).median, at(kP50).median, at(kP99).median, at(kP50Ratio).median,
      at(kP99Ratio).median, at(kCpuMicros).median, at(kAmplification).median, at(kTaken).median,
      ratio.accepted, ratio.dropped);
  static_cast<void>(std::fflush(stdout));
}

ReportRow report_row(const LoadOptions& load, const SampleSet& samples) {
  const auto at = [&](Quantity quantity) { return summarize(samples, quantity).median; };
  const Summary ratio = summarize(samples, kCommitRatio);
  return {{"producers", static_cast<double>(load.producers)},
          {"consumers", static_cast<double>(load.consumers)},
          {"batch", static_cast<double>(load.batch_events)},
          {"event_bytes", static_cast<double>(load.event_bytes)},
          {"events_per_second", at(kEvents)},
          {"megabytes_per_second", at(kMegabytes)},
          {"p50_us", at(kP50)},
          {"p99_us", at(kP99)},
          {"p999_us", at(kP999)},
          {"over_b1", ratio.median},
          {"over_b1_min", ratio.min},
          {"over_b1_max", ratio.max},
          {"over_w", at(kRawRatio)},
          {"p50_over_b1", at(kP50Ratio)},
          {"p99_over_b1", at(kP99Ratio)},
          {"cpu_us_per_event", at(kCpuMicros)},
          {"write_amplification", at(kAmplification)},
          {"taken_per_second", at(kTaken)},
          {"accepted", static_cast<double>(ratio.accepted)},
          {"dropped", static_cast<double>(ratio.dropped)}};
}

void remove_all_files(const ChannelSetup& setup) {
  remove_files(setup.directory);
  for (const std::string& data : setup.data_directories) remove_files(data);
}

Result<bool> run(const Arguments& arguments, const std::string& directory, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = directory + "/spillway-bench";
  TRY_ASSIGN(const auto opened, file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto control, DeviceControl::open(*opened, clock));
  const ChannelSetup setup{.directory = work + "/channel",
                           .data_directories = arguments.data_directories,
                           .spare_slots = arguments.spare_slots,
                           .write_path = arguments.write_path};
  remove_all_files(setup);
  fmt::print(
      "{} bytes per event, {} ms per sample, {} consumers; x B1: commits per bare durable "
      "4 KiB write\n\n",
      arguments.event_bytes, arguments.sample_millis, arguments.consumers);
  print_header();
  {
    TRY_ASSIGN(const auto channel, BenchChannel::open(setup, file_system, clock));
    for (const std::uint64_t batch : arguments.batches) {
      for (const std::uint64_t producers : arguments.producers) {
        const LoadOptions load{.producers = producers,
                               .consumers = arguments.consumers,
                               .batch_events = batch,
                               .event_bytes = arguments.event_bytes,
                               .duration_ns = arguments.sample_millis * 1'000'000,
                               .payload_bytes_max = kPayloadBytesMax};
        TRY_ASSIGN(const auto samples, sample(*control, {.wanted = arguments.samples},
                                              [&](const ControlSample& before) {
                                                return measure(load, before, *control, *channel);
                                              }));
        print_row(load, samples);
        report.rows.push_back(report_row(load, samples));
      }
    }
  }
  remove_all_files(setup);
  TRY(opened->remove("control"));
  return true;
}

}  // namespace

int run_channel_bench(std::span<const std::string_view> words) {
  Arguments arguments;
  return run_bench_command(
      {.kind = "channel",
       .usage = kChannelUsage,
       .set_argument = [&](std::string_view name,
                           std::string_view value) { return set_argument(arguments, name, value); },
       .run = [&](const std::string& directory,
                  Report& report) { return run(arguments, directory, report); }},
      words);
}

}  // namespace spillway::bench
