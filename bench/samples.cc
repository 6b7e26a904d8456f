#include "bench/samples.h"

#include <algorithm>
#include <utility>

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kSlownessMax = 2;
constexpr std::size_t kAttemptsPerSample = 3;

}  // namespace

SampleSet accept(const std::vector<PairedSample>& samples, std::uint64_t best_ns) {
  for (const PairedSample& s : samples) {
    best_ns = std::min({best_ns, s.before.p50_ns, s.after.p50_ns});
  }
  SampleSet set;
  for (const PairedSample& s : samples) {
    if (std::max(s.before.p50_ns, s.after.p50_ns) <= kSlownessMax * best_ns) {
      set.accepted.push_back(s);
    }
  }
  set.dropped = samples.size() - set.accepted.size();
  return set;
}

Summary summarize(std::vector<double> values, std::size_t dropped) {
  Summary summary{.accepted = values.size(), .dropped = dropped};
  if (values.empty()) return summary;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  summary.median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  summary.min = values.front();
  summary.max = values.back();
  return summary;
}

Summary summarize(const SampleSet& samples, std::size_t index) {
  std::vector<double> values;
  for (const PairedSample& s : samples.accepted) values.push_back(s.values.at(index));
  return summarize(std::move(values), samples.dropped);
}

Result<SampleSet> sample(DeviceControl& control, const SamplePlan& plan, const Measure& measure) {
  std::vector<PairedSample> samples;
  SampleSet set;
  const std::uint64_t started = control.clock().monotonic_ns();
  TRY_ASSIGN(ControlSample before, control.durable_writes(kControlNs));
  while (set.accepted.size() < plan.wanted && samples.size() < plan.wanted * kAttemptsPerSample &&
         control.clock().monotonic_ns() - started < plan.time_max_ns) {
    PairedSample one{.before = before, .after = {}, .values = {}};
    TRY_ASSIGN(one.values, measure(before));
    TRY_ASSIGN(one.after, control.durable_writes(kControlNs));
    before = one.after;
    samples.push_back(std::move(one));
    set = accept(samples, control.best_p50_ns());
  }
  return set;
}

}  // namespace spillway::bench
