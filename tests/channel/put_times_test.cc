// Ages are never too low, hardly too high, and cost the same memory whatever waits.

#include "channel/put_times.h"

#include <gtest/gtest.h>

namespace spillway::channel {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(PutTimesTest, KnowsWhenEachEntryBecameDurable) {
  PutTimes times;
  times.open({10});
  EXPECT_FALSE(times.time_of({10}).has_value());
  times.note({12}, 5 * kMs);
  times.note({13}, 9 * kMs);
  EXPECT_FALSE(times.time_of({9}).has_value()) << "from before the start";
  EXPECT_EQ(times.time_of({10}), 5 * kMs);
  EXPECT_EQ(times.time_of({11}), 5 * kMs);
  EXPECT_EQ(times.time_of({12}), 9 * kMs);
  EXPECT_FALSE(times.time_of({13}).has_value()) << "not durable yet";
}

TEST(PutTimesTest, WithinAMillisecondTheEarliestCounts) {
  PutTimes times;
  times.note({2}, 5 * kMs);
  times.note({3}, 5 * kMs + 900'000);
  EXPECT_EQ(times.time_of({2}), 5 * kMs);
}

TEST(PutTimesTest, ForgetsWhatIsDone) {
  PutTimes times;
  for (std::uint64_t i = 1; i <= 10; ++i) times.note({i + 1}, i * kMs);
  times.forget_below({6});
  EXPECT_FALSE(times.time_of({5}).has_value());
  EXPECT_EQ(times.time_of({6}), 6 * kMs);
}

TEST(PutTimesTest, LongBacklogMakesAgesCoarserButNeverTooLow) {
  PutTimes times;
  const std::uint64_t count = 20 * PutTimes::kMarksMax;
  for (std::uint64_t i = 1; i <= count; ++i) times.note({i + 1}, i * kMs);
  for (std::uint64_t i = 1; i <= count; i += 97) {
    const auto time = times.time_of({i});
    ASSERT_TRUE(time.has_value());
    ASSERT_LE(*time, i * kMs);
    ASSERT_GE(*time + 64 * kMs, i * kMs) << "an age of at most 82 s, 64 ms too high";
  }
}

}  // namespace
}  // namespace spillway::channel
