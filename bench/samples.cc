#include "bench/samples.h"

#include <algorithm>
#include <utility>

namespace spillway::bench {
namespace {

constexpr std::uint64_t kControlNs = 250'000'000;
constexpr std::uint64_t kSlownessMax = 2;
constexpr std::size_t kAttemptsPerSample = 3;

}  // namespace

std::vector<PairedSample> accepted(const std::vector<PairedSample>& samples) {
  std::uint64_t best = UINT64_MAX;
  for (const PairedSample& s : samples) best = std::min({best, s.before.p50_ns, s.after.p50_ns});
  std::vector<PairedSample> good;
  for (const PairedSample& s : samples) {
    if (std::max(s.before.p50_ns, s.after.p50_ns) <= kSlownessMax * best) good.push_back(s);
  }
  return good;
}

Summary summarize(const std::vector<PairedSample>& samples, std::size_t index) {
  std::vector<double> values;
  for (const PairedSample& s : accepted(samples)) values.push_back(s.values.at(index));
  Summary summary{.accepted = values.size(), .dropped = samples.size() - values.size()};
  if (values.empty()) return summary;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  summary.median =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  summary.min = values.front();
  summary.max = values.back();
  return summary;
}

Result<std::vector<PairedSample>> sample(
    DeviceControl& control, std::size_t wanted,
    const std::function<Result<std::vector<double>>(const ControlSample& before)>& measure) {
  std::vector<PairedSample> samples;
  TRY_ASSIGN(ControlSample before, control.durable_writes(kControlNs));
  while (accepted(samples).size() < wanted && samples.size() < wanted * kAttemptsPerSample) {
    PairedSample one{.before = before, .after = {}, .values = {}};
    TRY_ASSIGN(one.values, measure(before));
    TRY_ASSIGN(one.after, control.durable_writes(kControlNs));
    before = one.after;
    samples.push_back(std::move(one));
  }
  return samples;
}

}  // namespace spillway::bench
