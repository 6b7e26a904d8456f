#include "bench/latencies.h"

#include <algorithm>
#include <cmath>

namespace spillway::bench {

void Latencies::record(std::uint64_t ns) {
  ns_.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(ns, UINT32_MAX)));
  is_sorted_ = false;
}

void Latencies::merge(const Latencies& other) {
  ns_.insert(ns_.end(), other.ns_.begin(), other.ns_.end());
  is_sorted_ = false;
}

std::uint64_t Latencies::quantile(double q) {
  if (ns_.empty()) return 0;
  if (!is_sorted_) std::sort(ns_.begin(), ns_.end());
  is_sorted_ = true;
  const auto count = static_cast<double>(ns_.size());
  const auto rank = static_cast<std::size_t>(std::ceil(q * count));
  return ns_[std::clamp<std::size_t>(rank, 1, ns_.size()) - 1];
}

}  // namespace spillway::bench
