#include "bench/soak_verdict.h"

#include <algorithm>
#include <span>
#include <vector>

namespace spillway::bench {
namespace {

using Field = double SoakSample::*;

double lowest(std::span<const SoakSample> samples, Field field) {
  double low = samples.front().*field;
  for (const SoakSample& sample : samples) low = std::min(low, sample.*field);
  return low;
}

double highest(std::span<const SoakSample> samples, Field field) {
  double high = samples.front().*field;
  for (const SoakSample& sample : samples) high = std::max(high, sample.*field);
  return high;
}

// Over whole cycles: of their peaks and of their low points, how far they lie apart.
double drift_of(std::span<const SoakSample> samples, Field field) {
  std::vector<double> lows;
  std::vector<double> highs;
  for (std::size_t begin = 0, end = 0; begin < samples.size(); begin = end) {
    while (end < samples.size() && samples[end].cycles == samples[begin].cycles) ++end;
    if (end == samples.size()) break;  // the last one has not ended
    const auto cycle = samples.subspan(begin, end - begin);
    lows.push_back(lowest(cycle, field));
    highs.push_back(highest(cycle, field));
  }
  const auto spread = [](const std::vector<double>& values) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    return values.empty() ? 0 : *high - *low;
  };
  return std::max(spread(lows), spread(highs));
}

SoakQuantity quantity_of(std::span<const SoakSample> samples, Field field) {
  const std::size_t third = samples.size() / 3;
  return {.min = lowest(samples, field),
          .max = highest(samples, field),
          .drift = drift_of(samples, field),
          .growth = lowest(samples.last(third), field) - lowest(samples.first(third), field)};
}

}  // namespace

SoakVerdict judge_soak(const std::vector<SoakSample>& samples) {
  const auto warm = std::find_if(samples.begin(), samples.end(),
                                 [](const SoakSample& sample) { return sample.cycles >= 1; });
  const std::span<const SoakSample> counted(warm, samples.end());
  SoakVerdict verdict;
  if (counted.empty()) return verdict;
  verdict.cycles = counted.back().cycles - counted.front().cycles;
  verdict.backlog_bytes_max = highest(counted, &SoakSample::backlog_bytes);
  if (verdict.cycles < kSoakCyclesMin || counted.size() < 3 * kSoakCyclesMin) return verdict;
  verdict.resident_bytes = quantity_of(counted, &SoakSample::resident_bytes);
  verdict.open_files = quantity_of(counted, &SoakSample::open_files);
  verdict.resident_bytes.verdict =
      verdict.resident_bytes.drift <= kSoakResidentDriftMax ? Verdict::kMust : Verdict::kMissed;
  verdict.open_files.verdict = verdict.open_files.growth <= 0 ? Verdict::kMust : Verdict::kMissed;
  return verdict;
}

}  // namespace spillway::bench
