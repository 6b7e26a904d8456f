// What the samples of a goal say: median, spread, verdict. Prints the rows of the report.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/goal.h"
#include "bench/samples.h"

namespace spillway::bench {

enum class Verdict : std::uint8_t {
  kStretch,
  kMust,
  kNotYet,  // the line has a stretch bound only, and does not reach it
  kMissed,
  kCompared,  // the line has no bounds: its control is a limit of the machine
  kNotMeasured,
};

std::string_view verdict_name(Verdict verdict);

/// One row: medians over the accepted samples.
struct LineResult {
  double value = 0;
  double control = 0;
  Summary ratio = {};
  std::vector<double> ratios = {};  // of the accepted samples, in the order they were taken
  Verdict verdict = Verdict::kNotMeasured;
};

struct GoalResult {
  const Goal* goal = nullptr;
  std::vector<LineResult> lines = {};  // empty when it could not be measured
  std::string why_not = {};            // … for this reason
};

/// The better of the two bounds that `ratio` reaches.
Verdict judge(const GoalLine& line, double ratio);

/// The readings of one sample, flat, as PairedSample::values holds them.
std::vector<double> flatten(const std::vector<Reading>& readings);

/// `samples` hold readings of `goal`, flat.
std::vector<LineResult> evaluate(const Goal& goal, const SampleSet& samples);

std::string report_header();
std::string report_rows(const GoalResult& result);

}  // namespace spillway::bench
