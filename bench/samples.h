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

/// A sample counts when neither of its controls was more than twice as slow (p50) as the best
/// control of all `samples`.
std::vector<PairedSample> accepted(const std::vector<PairedSample>& samples);

/// Over value `index` of the accepted ones among `samples`.
Summary summarize(const std::vector<PairedSample>& samples, std::size_t index);

/// Takes samples until `wanted` are accepted, at most three times as many.
Result<std::vector<PairedSample>> sample(
    DeviceControl& control, std::size_t wanted,
    const std::function<Result<std::vector<double>>(const ControlSample& before)>& measure);

}  // namespace spillway::bench
