// Every latency of one run, kept whole: ratios of 1.1 do not survive the buckets of a histogram.
#pragma once

#include <cstdint>
#include <vector>

namespace spillway::bench {

/// Nanoseconds, at most 4.2 s each. Not thread-safe: one per thread, merged afterwards.
class Latencies {
 public:
  void record(std::uint64_t ns);
  void merge(const Latencies& other);

  /// The smallest latency that at least the share `q` in [0, 1] does not exceed; 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double q);

 private:
  std::vector<std::uint32_t> ns_;
  bool is_sorted_ = false;
};

}  // namespace spillway::bench
