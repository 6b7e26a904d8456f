#include "bench/soak_bench.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "bench/arguments.h"
#include "bench/bench_command.h"
#include "bench/report_file.h"
#include "bench/soak.h"
#include "bench/soak_verdict.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kSamplesMax = 3000;  // so that the memory they take is no matter
constexpr std::uint64_t kLinesInPipe = 20;
constexpr std::uint64_t kFreeDiskShare = 4;
constexpr double kMebi = static_cast<double>(kMiB);

struct Arguments {
  std::uint64_t seconds = 600;
  SoakPlan plan = {};
};

std::optional<std::string> set_argument(Arguments& arguments, std::string_view name,
                                        std::string_view value) {
  const auto count = parse_count(value);
  if (!count) return fmt::format("{} {}: a number from 1 on is wanted", name, value);
  SoakPlan& plan = arguments.plan;
  if (name == "--seconds") {
    arguments.seconds = *count;
  } else if (name == "--event-bytes") {
    if (*count < sizeof(std::uint64_t)) return fmt::format("{}: at least 8, for a number", name);
    plan.event_bytes = *count;
  } else if (name == "--backlog-mib") {
    plan.backlog_bytes_max = *count * kMiB;
  } else if (name == "--cache-mib") {
    plan.channel.cache_bytes = *count * kMiB;
  } else if (name == "--put-megabytes-per-second") {
    plan.put_bytes_per_second = *count * 1'000'000;
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

// One line that is drawn over again on a terminal, a few lines in a pipe.
class SoakProgress {
 public:
  SoakProgress(double seconds, bool is_terminal)
      : seconds_(seconds), is_terminal_(is_terminal), next_(is_terminal ? 0 : step()) {}

  void show(const SoakSample& now) {
    if (now.seconds < next_) return;
    next_ = now.seconds + (is_terminal_ ? 0.5 : step());
    fmt::print(stderr,
               "{}soak: {:4.0f} of {:.0f} s, cycle {}, {}, backlog {:.0f} MiB, RSS {:.1f} "
               "MiB, {:.0f} files{}",
               is_terminal_ ? "\r" : "", now.seconds, seconds_, now.cycles + 1,
               now.is_draining ? "draining" : "filling", now.backlog_bytes / kMebi,
               now.resident_bytes / kMebi, now.open_files, is_terminal_ ? "\x1b[K" : "\n");
    static_cast<void>(std::fflush(stderr));
  }

  /// Leaves the last state on the screen.
  void finish() const {
    if (is_terminal_) fmt::print(stderr, "\n");
  }

 private:
  [[nodiscard]] double step() const { return seconds_ / static_cast<double>(kLinesInPipe); }

  const double seconds_;
  const bool is_terminal_;
  double next_;  // not before
};

constexpr std::string_view kRowFormat = "{:<26} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10}  {}\n";

void print_quantity(std::string_view what, const SoakQuantity& q, double unit,
                    std::string_view must) {
  const auto number = [unit](double value) {
    return unit == 1 ? fmt::format("{:.0f}", value) : fmt::format("{:.1f}", value / unit);
  };
  fmt::print(kRowFormat, what, number(q.min), number(q.max), number(q.spread()), number(q.drift),
             number(q.growth), must, verdict_name(q.verdict));
}

void print_result(const SoakRun& run, const SoakVerdict& verdict) {
  fmt::print(kRowFormat, "after the first cycle", "min", "max", "spread", "drift", "growth", "must",
             "verdict");
  if (verdict.resident_bytes.verdict == Verdict::kNotMeasured) {
    fmt::print(
        "not measured: {} cycles after the first, {} are wanted: run it for longer, or with "
        "a smaller backlog\n",
        verdict.cycles, kSoakCyclesMin);
  } else {
    print_quantity("resident memory, MiB", verdict.resident_bytes, kMebi, "drift<=64");
    print_quantity("open files", verdict.open_files, 1, "growth<=0");
  }
  fmt::print(
      "{} cycles, backlog up to {:.0f} MiB; {} events put, all taken in order, {} of them "
      "given back once\n"
      "put: p50 {:.2f} ms, p99.9 {:.2f} ms, longest {:.1f} ms\n",
      verdict.cycles, verdict.backlog_bytes_max / kMebi, run.events_put, run.events_given_back,
      static_cast<double>(run.put_p50_ns) / 1e6, static_cast<double>(run.put_p999_ns) / 1e6,
      static_cast<double>(run.put_max_ns) / 1e6);
}

std::vector<double> series(const SoakRun& run, double SoakSample::*field, double unit) {
  std::vector<double> values;
  for (const SoakSample& sample : run.samples) values.push_back(sample.*field / unit);
  return values;
}

std::vector<double> cycles_of(const SoakRun& run) {
  std::vector<double> values;
  for (const SoakSample& sample : run.samples) {
    values.push_back(static_cast<double>(sample.cycles));
  }
  return values;
}

ReportRow report_row(const SoakPlan& plan, const SoakRun& run, const SoakVerdict& verdict) {
  const SoakQuantity& memory = verdict.resident_bytes;
  const SoakQuantity& files = verdict.open_files;
  return {{"seconds", static_cast<double>(plan.duration_ns) / 1e9},
          {"event_bytes", static_cast<double>(plan.event_bytes)},
          {"cache_mib", static_cast<double>(plan.channel.cache_bytes) / kMebi},
          {"put_bytes_per_second", static_cast<double>(plan.put_bytes_per_second)},
          {"cycles", static_cast<double>(verdict.cycles)},
          {"backlog_mib_max", verdict.backlog_bytes_max / kMebi},
          {"resident_mib_min", memory.min / kMebi},
          {"resident_mib_max", memory.max / kMebi},
          {"resident_mib_spread", memory.spread() / kMebi},
          {"resident_mib_drift", memory.drift / kMebi},
          {"resident_mib_growth", memory.growth / kMebi},
          {"resident_verdict", std::string(verdict_name(memory.verdict))},
          {"open_files_min", files.min},
          {"open_files_max", files.max},
          {"open_files_growth", files.growth},
          {"open_files_verdict", std::string(verdict_name(files.verdict))},
          {"events_put", static_cast<double>(run.events_put)},
          {"events_taken", static_cast<double>(run.events_taken)},
          {"put_p50_ms", static_cast<double>(run.put_p50_ns) / 1e6},
          {"put_p999_ms", static_cast<double>(run.put_p999_ns) / 1e6},
          {"put_max_ms", static_cast<double>(run.put_max_ns) / 1e6},
          {"sample_cycles", cycles_of(run)},
          {"at_seconds", series(run, &SoakSample::seconds, 1)},
          {"backlog_mib", series(run, &SoakSample::backlog_bytes, kMebi)},
          {"resident_mib", series(run, &SoakSample::resident_bytes, kMebi)},
          {"open_files", series(run, &SoakSample::open_files, 1)}};
}

Result<bool> run(Arguments& arguments, const std::string& directory, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = directory + "/spillway-bench";
  SoakPlan& plan = arguments.plan;
  plan.channel.directory = work + "/soak";
  plan.duration_ns = arguments.seconds * 1'000'000'000;
  plan.sample_every_ns = std::max(plan.sample_every_ns, plan.duration_ns / kSamplesMax);
  remove_files(plan.channel.directory);
  TRY_ASSIGN(const auto opened, file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const io::SpaceInfo space, opened->space());
  plan.backlog_bytes_max = std::min(plan.backlog_bytes_max, space.free_bytes / kFreeDiskShare);
  fmt::print("{} s, {}-byte events, {} MB/s, backlog up to {} MiB, cache {} MiB\n",
             arguments.seconds, plan.event_bytes, plan.put_bytes_per_second / 1'000'000,
             plan.backlog_bytes_max / kMiB, plan.channel.cache_bytes / kMiB);
  static_cast<void>(std::fflush(stdout));
  SoakProgress progress(static_cast<double>(arguments.seconds), ::isatty(STDERR_FILENO) == 1);
  const auto soaked = run_soak(plan, file_system, clock, [&](const SoakSample& now) {
    progress.show(now);
    return true;
  });
  progress.finish();
  remove_files(plan.channel.directory);
  TRY(soaked);
  const SoakVerdict verdict = judge_soak(soaked.value().samples);
  print_result(soaked.value(), verdict);
  report.rows.push_back(report_row(plan, soaked.value(), verdict));
  return verdict.is_kept();
}

}  // namespace

int run_soak_bench(std::span<const std::string_view> words) {
  Arguments arguments;
  return run_bench_command(
      {.kind = "soak",
       .usage = kSoakUsage,
       .set_argument = [&](std::string_view name,
                           std::string_view value) { return set_argument(arguments, name, value); },
       .run = [&](const std::string& directory,
                  Report& report) { return run(arguments, directory, report); }},
      words);
}

}  // namespace spillway::bench
