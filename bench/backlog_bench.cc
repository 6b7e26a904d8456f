#include "bench/backlog_bench.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "bench/backlog.h"
#include "bench/bench_command.h"
#include "bench/device_control.h"
#include "bench/report_file.h"
#include "bench/samples.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

struct Arguments {
  std::vector<std::uint64_t> events{1'000'000, 10'000'000};
  std::uint64_t event_bytes = 16;
  std::uint64_t samples = 5;
};

std::optional<std::string> set_argument(Arguments& arguments, std::string_view name,
                                        std::string_view value) {
  if (name == "--events") {
    const auto numbers = parse_numbers(value);
    if (!numbers) return fmt::format("{} {}: numbers are wanted", name, value);
    arguments.events = *numbers;
    return std::nullopt;
  }
  const auto count = parse_count(value);
  if (!count) return fmt::format("{} {}: a number from 1 on is wanted", name, value);
  if (name == "--event-bytes") {
    arguments.event_bytes = *count;
  } else if (name == "--samples") {
    arguments.samples = *count;
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

// What one sample measures, in this order.
enum Quantity : std::size_t {
  kStartMs,
  kTailMegabytes,
  kFound,
  kResidentMegabytes,
  kFirstTakeMs,
  kCheckpointMs,
  kManifestBytes,
  kSegments,
};

Result<std::vector<double>> measure(const BacklogPlace& place) {
  TRY_ASSIGN(const BacklogOpen opened, open_and_kill(place));
  return std::vector<double>{opened.start_ms,       opened.tail_bytes / 1e6,
                             opened.events,         opened.resident_bytes / 1e6,
                             opened.first_take_ms,  opened.checkpoint_ms,
                             opened.manifest_bytes, opened.segments};
}

ReportRow report_row(std::uint64_t events, const BacklogPlace& place, const BacklogFill& filled,
                     const SampleSet& samples) {
  const auto at = [&](Quantity quantity) { return summarize(samples, quantity).median; };
  const Summary start = summarize(samples, kStartMs);
  return {{"events", static_cast<double>(events)},
          {"event_bytes", static_cast<double>(place.event_bytes)},
          {"fill_events_per_second", filled.events_per_second},
          {"fill_bytes_per_event", filled.memory_per_event},
          {"start_ms", start.median},
          {"start_ms_min", start.min},
          {"start_ms_max", start.max},
          {"tail_megabytes", at(kTailMegabytes)},
          {"resident_megabytes", at(kResidentMegabytes)},
          {"first_take_ms", at(kFirstTakeMs)},
          {"checkpoint_ms", at(kCheckpointMs)},
          {"manifest_bytes", at(kManifestBytes)},
          {"segments", at(kSegments)},
          {"accepted", static_cast<double>(start.accepted)},
          {"dropped", static_cast<double>(start.dropped)}};
}

void print_row(std::uint64_t events, const BacklogFill& filled, const SampleSet& samples) {
  const auto at = [&](Quantity quantity) { return summarize(samples, quantity).median; };
  const Summary start = summarize(samples, kStartMs);
  if (start.accepted == 0) {
    fmt::print("{:>11} {:>10.0f} not measured: the device was never quiet, {} samples dropped\n",
               events, filled.events_per_second, start.dropped);
    return;
  }
  fmt::print(
      "{:>11} {:>10.0f} {:>9.1f} {:>13} {:>8.1f} {:>8.1f} {:>8.2f} {:>8.2f} {:>9.0f} {:>8.0f} "
      "{:>5}/{}\n",
      events, filled.events_per_second, start.median,
      fmt::format("{:.1f}-{:.1f}", start.min, start.max), at(kTailMegabytes),
      at(kResidentMegabytes), at(kFirstTakeMs), at(kCheckpointMs), at(kManifestBytes),
      at(kSegments), start.accepted, start.dropped);
  static_cast<void>(std::fflush(stdout));
}

Result<bool> run(const Arguments& arguments, const std::string& directory, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = directory + "/spillway-bench";
  TRY_ASSIGN(const auto opened, file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto control, DeviceControl::open(*opened, clock));
  const BacklogPlace place{.directory = work + "/backlog",
                           .file_system = file_system,
                           .clock = clock,
                           .event_bytes = arguments.event_bytes};
  fmt::print(
      "{} bytes per event; start: after a kill, with the tail that the checkpoints allow\n\n"
      "{:>11} {:>10} {:>9} {:>13} {:>8} {:>8} {:>8} {:>8} {:>9} {:>8} {:>7}\n",
      arguments.event_bytes, "events", "put/s", "start ms", "spread", "tail MB", "RSS MB",
      "take ms", "ckpt ms", "manifest", "segments", "ok/out");
  for (const std::uint64_t events : arguments.events) {
    remove_files(place.directory);
    TRY_ASSIGN(const BacklogFill filled, fill_and_kill(place, events));
    TRY_ASSIGN([[maybe_unused]] const auto first, open_and_kill(place));  // leaves the usual tail
    TRY_ASSIGN(const auto samples,
               sample(*control, {.wanted = arguments.samples},
                      [&](const ControlSample& /*before*/) { return measure(place); }));
    print_row(events, filled, samples);
    report.rows.push_back(report_row(events, place, filled, samples));
  }
  remove_files(place.directory);
  TRY(opened->remove("control"));
  return true;
}

}  // namespace

int run_backlog_bench(std::span<const std::string_view> words) {
  Arguments arguments;
  return run_bench_command(
      {.kind = "backlog",
       .usage = kBacklogUsage,
       .set_argument = [&](std::string_view name,
                           std::string_view value) { return set_argument(arguments, name, value); },
       .run = [&](const std::string& directory,
                  Report& report) { return run(arguments, directory, report); }},
      words);
}

}  // namespace spillway::bench
