#include "bench/goal_bench.h"

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "bench/arguments.h"
#include "bench/goal.h"
#include "bench/goal_arguments.h"
#include "bench/goal_result.h"
#include "bench/report_file.h"
#include "bench/samples.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

Result<SampleSet> take_samples(const Goal& goal, const GoalSite& site) {
  TRY_ASSIGN(const Sampler sampler, goal.prepare(site));
  return sample(site.device,
                {.wanted = site.options.samples, .time_max_ns = site.options.time_max_ns},
                [&](const ControlSample& /*before*/) -> Result<std::vector<double>> {
                  TRY_ASSIGN(const std::vector<Reading> readings, sampler());
                  return flatten(readings);
                });
}

GoalResult measure(const Goal& goal, const GoalSite& site) {
  GoalResult result{.goal = &goal, .why_not = std::string(goal.why_not)};
  if (goal.prepare == nullptr) return result;
  remove_files(site.directory);
  const auto samples = take_samples(goal, site);
  remove_files(site.directory);
  if (samples.has_value()) {
    result.lines = evaluate(goal, samples.value());
  } else {
    result.why_not = to_string(samples.error());
  }
  return result;
}

void add_rows(const GoalResult& result, Report& report) {
  const Goal& goal = *result.goal;
  if (result.lines.empty()) {
    report.rows.push_back({{"goal", std::string(goal.id)},
                           {"what", std::string(goal.title)},
                           {"verdict", std::string(verdict_name(Verdict::kNotMeasured))},
                           {"why_not", result.why_not}});
  }
  for (std::size_t i = 0; i < result.lines.size(); ++i) {
    const GoalLine& line = goal.lines[i];
    const LineResult& r = result.lines[i];
    report.rows.push_back({{"goal", std::string(goal.id)},
                           {"what", std::string(line.what)},
                           {"unit", std::string(line.unit)},
                           {"value", r.value},
                           {"control", std::string(line.control)},
                           {"control_value", r.control},
                           {"sense", line.sense == Sense::kAtLeast ? ">=" : "<="},
                           {"must", line.must},
                           {"stretch", line.stretch},
                           {"ratio", r.ratio.median},
                           {"ratio_min", r.ratio.min},
                           {"ratio_max", r.ratio.max},
                           {"accepted", static_cast<double>(r.ratio.accepted)},
                           {"dropped", static_cast<double>(r.ratio.dropped)},
                           {"ratios", r.ratios},
                           {"verdict", std::string(verdict_name(r.verdict))}});
  }
}

Result<void> run(const GoalArguments& arguments, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const std::string work = arguments.directory + "/spillway-bench";
  TRY_ASSIGN(const auto directory,
             file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto device, DeviceControl::open(*directory, clock));
  const GoalSite site{.directory = work + "/goal",
                      .file_system = file_system,
                      .clock = clock,
                      .device = *device,
                      .options = arguments.options};
  fmt::print("{}", report_header());
  for (const Goal* const goal : arguments.goals) {
    const GoalResult result = measure(*goal, site);
    fmt::print("{}", report_rows(result));
    static_cast<void>(std::fflush(stdout));
    add_rows(result, report);
  }
  return directory->remove("control");
}

}  // namespace

int run_goal_bench(std::span<const std::string_view> words) {
  GoalArguments arguments;
  if (const auto problem = read_goal_arguments(words, arguments)) {
    fmt::print(stderr, "spillway bench: {}\n\n{}", *problem, kGoalUsage);
    return kExitBadUsage;
  }
  Report report{.kind = "goals", .command = command_line(words)};
  Result<void> done = run(arguments, report);
  if (done.has_value() && !arguments.json_path.empty()) {
    done = write_report(arguments.json_path, report);
  }
  if (done.has_value()) return kExitFine;
  fmt::print(stderr, "spillway bench: {}\n", to_string(done.error()));
  return kExitFailed;
}

}  // namespace spillway::bench
