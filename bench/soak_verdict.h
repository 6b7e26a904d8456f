// What the samples of a soak say: is memory flat, are files left open?
#pragma once

#include <cstddef>
#include <vector>

#include "bench/goal_result.h"
#include "bench/soak.h"
#include "wal/base/bytes.h"

namespace spillway::bench {

/// Memory at the same phase of the cycles stays within this.
inline constexpr double kSoakResidentDriftMax = 64.0 * kMiB;

/// Cycles behind the warm-up without which nothing can be said about growth.
inline constexpr std::size_t kSoakCyclesMin = 3;

/// One quantity after the warm-up, which is the first cycle: buffers and cache are full then.
struct SoakQuantity {
  double min = 0;
  double max = 0;
  double drift = 0;   // between the highest peak and the lowest of all cycles, or their low points
  double growth = 0;  // of the lowest value, from the first third of the time to the last
  Verdict verdict = Verdict::kNotMeasured;

  [[nodiscard]] double spread() const { return max - min; }
};

/// kMust: the drift of resident memory is within the bound; the fewest open files of the last third
/// are not more than those of the first. Cache and read-ahead come and go with the backlog, by as
/// much as they are configured to: what a phase of a cycle needs comes back with it. A leak does
/// not go away: it raises the peaks and the low points.
struct SoakVerdict {
  std::size_t cycles = 0;  // counted
  double backlog_bytes_max = 0;
  SoakQuantity resident_bytes;
  SoakQuantity open_files;

  [[nodiscard]] bool is_kept() const {
    return resident_bytes.verdict == Verdict::kMust && open_files.verdict == Verdict::kMust;
  }
};

SoakVerdict judge_soak(const std::vector<SoakSample>& samples);

}  // namespace spillway::bench
