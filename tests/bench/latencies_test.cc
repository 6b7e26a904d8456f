// Quantiles are exact: one of the recorded values, at the nearest rank.
#include "bench/latencies.h"

#include <gtest/gtest.h>

namespace spillway::bench {
namespace {

TEST(LatenciesTest, AQuantileIsTheValueAtItsRank) {
  Latencies latencies;
  for (std::uint64_t ns = 100; ns > 0; --ns) latencies.record(ns);
  EXPECT_EQ(latencies.quantile(0), 1U);
  EXPECT_EQ(latencies.quantile(0.5), 50U);
  EXPECT_EQ(latencies.quantile(0.99), 99U);
  EXPECT_EQ(latencies.quantile(0.991), 100U);
  EXPECT_EQ(latencies.quantile(1), 100U);
}

TEST(LatenciesTest, WhatIsAddedAfterAQuantileCounts) {
  Latencies a;
  a.record(5);
  EXPECT_EQ(a.quantile(1), 5U);
  Latencies b;
  b.record(1);
  b.record(9);
  a.merge(b);
  EXPECT_EQ(a.quantile(0), 1U);
  EXPECT_EQ(a.quantile(1), 9U);
}

TEST(LatenciesTest, NothingRecordedIsZeroAndTooLongIsTheLongest) {
  Latencies latencies;
  EXPECT_EQ(latencies.quantile(0.5), 0U);
  latencies.record(UINT64_MAX);
  EXPECT_EQ(latencies.quantile(0.5), UINT32_MAX);
}

}  // namespace
}  // namespace spillway::bench
