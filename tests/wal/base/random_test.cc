// The sequence of a seed is fixed for ever, and the ranges include exactly what they say.
#include "wal/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>

namespace spillway {
namespace {

TEST(RandomTest, SequenceOfASeedNeverChanges) {
  // The published first values of SplitMix64 for seed 1234567.
  Random random(1234567);
  EXPECT_EQ(random.next(), 6457827717110365317U);
  EXPECT_EQ(random.next(), 3203168211198807973U);
  EXPECT_EQ(random.next(), 9817491932198370423U);
  EXPECT_EQ(random.next(), 4593380528125082431U);
}

TEST(RandomTest, BetweenReachesBothEndsAndNothingElse) {
  Random random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.between(10, 13));
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 11, 12, 13}));
  EXPECT_EQ(random.between(7, 7), 7U);
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t highest = 0;
  for (int i = 0; i < 64; ++i) highest = std::max(highest, random.between(0, kMax));
  EXPECT_GT(highest, kMax / 2) << "the full width is not taken modulo anything";
}

TEST(RandomTest, UnitStaysBelowOneAndCoversTheRange) {
  Random random(2);
  double lowest = 1;
  double highest = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double value = random.unit();
    ASSERT_GE(value, 0.0);
    ASSERT_LT(value, 1.0);
    lowest = value < lowest ? value : lowest;
    highest = value > highest ? value : highest;
  }
  EXPECT_LT(lowest, 0.01);
  EXPECT_GT(highest, 0.99);
}

TEST(RandomTest, OneInHappensAboutAsOftenAsItSays) {
  Random random(3);
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += random.one_in(10) ? 1 : 0;
  EXPECT_GT(hits, 850);
  EXPECT_LT(hits, 1150);
}

TEST(RandomDeathTest, EmptyRangeIsOurBug) {
  Random random(4);
  EXPECT_DEATH(static_cast<void>(random.below(0)), "CHECK failed: end > 0");
}

}  // namespace
}  // namespace spillway
