#include "bench/goal_result.h"

#include <fmt/format.h>

#include <cmath>

#include "wal/base/check.h"

namespace spillway::bench {
namespace {

// Of one line in PairedSample::values.
enum Column : std::size_t { kValue, kControl, kColumnCount };

double mean_us(std::uint64_t a_ns, std::uint64_t b_ns) {
  return static_cast<double>(a_ns + b_ns) / 2e3;
}

double control_of(Against against, const PairedSample& sample, double measured) {
  const ControlSample& a = sample.before;
  const ControlSample& b = sample.after;
  switch (against) {
    case Against::kMeasured:
      return measured;
    case Against::kB1Rate:
      return (a.ops_per_second + b.ops_per_second) / 2;
    case Against::kB1P50:
      return mean_us(a.p50_ns, b.p50_ns);
    case Against::kB1P99:
      return mean_us(a.p99_ns, b.p99_ns);
    case Against::kB1P999:
      return mean_us(a.p999_ns, b.p999_ns);
    case Against::kNothing:
      break;
  }
  return 1;
}

bool is_reached(Sense sense, double ratio, double bound) {
  if (std::isnan(bound)) return false;
  return sense == Sense::kAtLeast ? ratio >= bound : ratio <= bound;
}

// Three digits that mean something, whatever the size.
std::string number(double value) {
  const double size = std::abs(value);
  if (size >= 100 || value == 0) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 0.01) return fmt::format("{:.2f}", value);
  return fmt::format("{:.1e}", value);
}

std::string bound(const GoalLine& line, double value) {
  if (std::isnan(value)) return "-";
  return fmt::format("{} {}", line.sense == Sense::kAtLeast ? ">=" : "<=", number(value));
}

constexpr std::string_view kRowFormat =
    "{:<7} {:<50} {:>14} {:>29} {:>7} {:>8} {:>8} {:<12} {:>6} {}\n";

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kStretch:
      return "stretch";
    case Verdict::kMust:
      return "must";
    case Verdict::kNotYet:
      return "not yet";
    case Verdict::kMissed:
      return "missed";
    case Verdict::kCompared:
      return "compared";
    case Verdict::kNotMeasured:
      break;
  }
  return "not measured";
}

Verdict judge(const GoalLine& line, double ratio) {
  if (is_reached(line.sense, ratio, line.stretch)) return Verdict::kStretch;
  if (std::isnan(line.must)) {
    return std::isnan(line.stretch) ? Verdict::kCompared : Verdict::kNotYet;
  }
  if (is_reached(line.sense, ratio, line.must)) return Verdict::kMust;
  return Verdict::kMissed;
}

std::vector<double> flatten(const std::vector<Reading>& readings) {
  std::vector<double> values;
  for (const Reading& reading : readings) {
    values.push_back(reading.value);
    values.push_back(reading.control);
  }
  return values;
}

std::vector<LineResult> evaluate(const Goal& goal, const SampleSet& samples) {
  std::vector<LineResult> results;
  for (std::size_t i = 0; i < goal.lines.size(); ++i) {
    const GoalLine& line = goal.lines[i];
    std::vector<double> values;
    std::vector<double> controls;
    LineResult result;
    for (const PairedSample& sample : samples.accepted) {
      CHECK(sample.values.size() == goal.lines.size() * kColumnCount);
      const double value = sample.values[i * kColumnCount + kValue];
      const double control =
          control_of(line.against, sample, sample.values[i * kColumnCount + kControl]);
      values.push_back(value);
      controls.push_back(control);
      result.ratios.push_back(value / control);
    }
    result.value = summarize(values, samples.dropped).median;
    result.control = summarize(controls, samples.dropped).median;
    result.ratio = summarize(result.ratios, samples.dropped);
    if (!samples.accepted.empty()) result.verdict = judge(line, result.ratio.median);
    results.push_back(std::move(result));
  }
  return results;
}

std::string report_header() {
  return fmt::format(kRowFormat, "goal", "what", "value", "control", "ratio", "must", "stretch",
                     "verdict", "ok/out", "spread of the ratio");
}

std::string report_rows(const GoalResult& result) {
  const Goal& goal = *result.goal;
  if (result.lines.empty()) {
    return fmt::format("{:<7} {:<50} {}: {}\n", goal.id, goal.title,
                       verdict_name(Verdict::kNotMeasured), result.why_not);
  }
  std::string rows;
  for (std::size_t i = 0; i < goal.lines.size(); ++i) {
    const GoalLine& line = goal.lines[i];
    const LineResult& r = result.lines[i];
    if (r.verdict == Verdict::kNotMeasured) {
      rows += fmt::format("{:<7} {:<50} {}: the device was never quiet, {} samples dropped\n",
                          goal.id, line.what, verdict_name(r.verdict), r.ratio.dropped);
      continue;
    }
    const bool is_bare = line.against == Against::kNothing;
    rows += fmt::format(
        kRowFormat, goal.id, line.what, fmt::format("{} {}", number(r.value), line.unit),
        is_bare ? "-" : fmt::format("{} {} {}", line.control, number(r.control), line.unit),
        number(r.ratio.median), bound(line, line.must), bound(line, line.stretch),
        verdict_name(r.verdict), fmt::format("{}/{}", r.ratio.accepted, r.ratio.dropped),
        fmt::format("{}-{}", number(r.ratio.min), number(r.ratio.max)));
  }
  return rows;
}

}  // namespace spillway::bench
