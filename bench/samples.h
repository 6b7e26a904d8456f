// Which samples count, and what they say together: controls, median, spread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/device_control.h"
#include "wal/base/result.h"

namespace spillway::bench {

/// One measurement between two controls.
struct PairedSample {
  ControlSample before;
  ControlSample after;
  std::vector<double> values;  // the same quantities in every sample
};

struct Summary {
  double median = 0;
  double min = 0;
  double max = 0;
  std::size_t accepted = 0;
  std::size_t dropped = 0;  // the device was in a slow phase
};

/// What was measured, without the samples that do not count.
struct SampleSet {
  std::vector<PairedSample> accepted;
  std::size_t dropped = 0;
};

/// A sample counts when neither of its controls was more than twice as slow (p50) as `best_ns`,
/// or as the best control of all `samples`.
SampleSet accept(const std::vector<PairedSample>& samples, std::uint64_t best_ns = UINT64_MAX);

/// Median and spread of values that were accepted.
Summary summarize(std::vector<double> values, std::size_t dropped);

/// Over value `index` of the samples.
Summary summarize(const SampleSet& samples, std::size_t index);

/// How many samples are wanted, and when to give up.
struct SamplePlan {
  std::size_t wanted = 7;
  std::uint64_t time_max_ns = 60'000'000'000;
};

using Measure = std::function<Result<std::vector<double>>(const ControlSample& before)>;

/// Takes samples until enough are accepted, at most three times as many and not for longer than
/// the plan says. The best control is that of `control`'s whole life.
Result<SampleSet> sample(DeviceControl& control, const SamplePlan& plan, const Measure& measure);

}  // namespace spillway::bench
