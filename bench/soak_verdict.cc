#include "bench/soak_verdict.h"

#include <algorithm>
#include <span>

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

SoakQuantity quantity_of(std::span<const SoakSample> samples, Field field) {
  const std::size_t third = samples.size() / 3;
  return {.min = lowest(samples, field),
          .max = highest(samples, field),
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
      verdict.resident_bytes.spread() <= kSoakResidentSpreadMax ? Verdict::kMust : Verdict::kMissed;
  verdict.open_files.verdict = verdict.open_files.growth <= 0 ? Verdict::kMust : Verdict::kMissed;
  return verdict;
}

}  // namespace spillway::bench
