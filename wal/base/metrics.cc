#include "wal/base/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace spillway {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 8) return static_cast<std::size_t>(value);
  const auto exponent =
      static_cast<unsigned>(std::bit_width(value)) - 4;  // value >> exponent in [8,16)
  return (static_cast<std::size_t>(exponent) + 1) * 8 + ((value >> exponent) & 7U);
}

std::uint64_t Histogram::bucket_end(std::size_t index) {
  if (index < 8) return index;
  const std::size_t exponent = index / 8 - 1;
  const std::uint64_t low = (8 + (index & 7U)) << exponent;
  return low + ((std::uint64_t{1} << exponent) - 1);
}

void Histogram::record(std::uint64_t value) {
  buckets_[bucket_of(value)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
  std::uint64_t seen = max_.load(std::memory_order_relaxed);
  while (seen < value && !max_.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(std::memory_order_relaxed);
  return total;
}

std::uint64_t Histogram::quantile(double q) const {
  const std::uint64_t total = count();
  if (total == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(
      std::max(1.0, std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(total))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBucketCount; ++i) {
    seen += buckets_[i].load(std::memory_order_relaxed);
    if (seen >= wanted) return std::min(bucket_end(i), max());
  }
  return max();
}

}  // namespace spillway
