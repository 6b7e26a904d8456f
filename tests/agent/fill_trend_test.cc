// The forecast of a channel that fills: its pace over the last minute, and no alarm otherwise.

#include "agent/fill_trend.h"

#include <gtest/gtest.h>

#include <limits>

namespace spillway::agent {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr double kNever = std::numeric_limits<double>::infinity();

TEST(FillTrendTest, GoesOnAsTheLastMinuteDid) {
  FillTrend trend;
  EXPECT_EQ(trend.seconds_to_full(kSecond, 100, 1000), kNever) << "one look is no trend";
  EXPECT_DOUBLE_EQ(trend.seconds_to_full(11 * kSecond, 200, 1000), 80);
  // It has stood still for most of a minute since.
  EXPECT_DOUBLE_EQ(trend.seconds_to_full(61 * kSecond, 200, 1000), 480);
  EXPECT_EQ(trend.seconds_to_full(140 * kSecond, 200, 1000), kNever);
}

TEST(FillTrendTest, ChannelThatDrainsIsNeverFullAndOneThatIsFullIsSoNow) {
  FillTrend trend;
  trend.seconds_to_full(kSecond, 500, 1000);
  EXPECT_EQ(trend.seconds_to_full(3 * kSecond, 400, 1000), kNever);
  EXPECT_EQ(trend.seconds_to_full(5 * kSecond, 1000, 1000), 0);
}

TEST(FillTrendTest, ManyLooksWithinASecondCountAsOne) {
  FillTrend trend;
  for (std::uint64_t i = 0; i < 1000; ++i) trend.seconds_to_full(kSecond + i, 0, 1000);
  EXPECT_DOUBLE_EQ(trend.seconds_to_full(11 * kSecond, 100, 1000), 90);
}

}  // namespace
}  // namespace spillway::agent
