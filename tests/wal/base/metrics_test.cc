// Quantiles are upper bounds of buckets at most 12.5 % wide, over the whole 64-bit range.
#include "wal/base/metrics.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <thread>
#include <vector>

#include "wal/base/random.h"

namespace spillway {
namespace {

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

/// What the histogram reports for `value` when a larger one hides the cut at max().
std::uint64_t bucket_end(std::uint64_t value) {
  Histogram histogram;
  histogram.record(value);
  histogram.record(kU64Max);
  return histogram.quantile(0.5);
}

TEST(HistogramTest, IsEmptyAtFirst) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.sum(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
}

TEST(HistogramTest, SmallValuesAreExact) {
  for (std::uint64_t value = 0; value < 16; ++value) EXPECT_EQ(bucket_end(value), value) << value;
}

TEST(HistogramTest, BoundsHoldAroundEveryPowerOfTwo) {
  for (unsigned exponent = 0; exponent < 64; ++exponent) {
    const std::uint64_t power = std::uint64_t{1} << exponent;
    for (const std::uint64_t value : {power - 1, power, power + 1}) {
      const std::uint64_t end = bucket_end(value);
      EXPECT_GE(end, value);
      EXPECT_LE(end - value, value / 8) << "width of the bucket of " << value;
    }
    EXPECT_EQ(bucket_end(power - 1), power - 1) << "a power of two starts a bucket";
  }
}

TEST(HistogramTest, BoundsGrowWithTheValue) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random.next() >> random.below(64);
    if (value == kU64Max) continue;
    EXPECT_LE(bucket_end(value), bucket_end(value + 1)) << value;
  }
}

TEST(HistogramTest, LargestValueDoesNotOverflow) {
  Histogram histogram;
  histogram.record(kU64Max);
  EXPECT_EQ(histogram.quantile(1.0), kU64Max);
  EXPECT_EQ(histogram.max(), kU64Max);
}

TEST(HistogramTest, QuantilesOfAKnownDistribution) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 1000; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 1000U);
  EXPECT_EQ(histogram.sum(), 500'500U);
  EXPECT_EQ(histogram.max(), 1000U);
  EXPECT_EQ(histogram.quantile(0.0), 1U);
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = q * 1000;
    EXPECT_GE(static_cast<double>(histogram.quantile(q)), exact) << q;
    EXPECT_LE(static_cast<double>(histogram.quantile(q)), exact * 1.125) << q;
  }
  EXPECT_EQ(histogram.quantile(1.0), 1000U) << "never beyond the largest value seen";
}

TEST(HistogramTest, QuantileOutsideItsRangeIsClamped) {
  Histogram histogram;
  histogram.record(3);
  histogram.record(5);
  EXPECT_EQ(histogram.quantile(-1.0), 3U);
  EXPECT_EQ(histogram.quantile(2.0), 5U);
}

TEST(MetricsTest, ConcurrentWritersLoseNothing) {
  Counter counter;
  Histogram histogram;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&] {
      for (std::uint64_t i = 1; i <= 5000; ++i) {
        counter.add(2);
        histogram.record(i);
      }
    });
  }
  writers.clear();
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_EQ(histogram.count(), 20'000U);
  EXPECT_EQ(histogram.sum(), 4U * 5000U * 5001U / 2U);
  EXPECT_EQ(histogram.max(), 5000U);
}

}  // namespace
}  // namespace spillway
