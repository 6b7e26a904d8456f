// Promise: a time is read as Joda reads it, or not at all.

#include "agent/joda_time.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string_view>
#include <vector>

namespace spillway::agent {
namespace {

struct JodaTimeTest : testing::Test {
  void SetUp() override {
    ASSERT_EQ(::setenv("TZ", "UTC-2", 1), 0);  // POSIX: two hours east
    ::tzset();
  }
  void TearDown() override {
    ::unsetenv("TZ");
    ::tzset();
  }
};

std::optional<std::int64_t> read(std::string_view pattern, std::string_view text) {
  const auto time = JodaTime::compile(pattern);
  EXPECT_TRUE(time.has_value()) << pattern;
  return time.has_value() ? time.value().parse(text, 2026) : std::nullopt;
}

constexpr std::int64_t kTwoHours = 7'200'000;

TEST_F(JodaTimeTest, ReadsWhatPatternsOfLogsSay) {
  constexpr std::int64_t kMoment = 1'350'586'077'000;  // 2012-10-18T18:47:57Z
  EXPECT_EQ(read("yyyy-MM-dd HH:mm:ss,SSS Z", "2012-10-18 18:47:57,614 +0000"), kMoment + 614);
  EXPECT_EQ(read("yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "2012-10-18T20:47:57.6+02:00"), kMoment + 600);
  EXPECT_EQ(read("yyyy-MM-dd'T'HH:mm:ssZ", "2012-10-18T18:47:57Z"), kMoment);
  EXPECT_EQ(read("dd/MMM/yyyy:HH:mm:ss Z", "18/oct/2012:13:47:57 -0500"), kMoment);
  EXPECT_EQ(read("EEE, d MMMM yyyy h:mm:ss a Z", "Thu, 18 October 2012 6:47:57 PM +0000"), kMoment);
  EXPECT_EQ(read("yyyyMMddHHmmss", "20121018204757"), kMoment);  // local time
  EXPECT_EQ(read("yyyy-MM-dd HH:mm:ss", "2012-10-18 20:47:57"), kMoment);
  EXPECT_EQ(read("yyyy-DDD HH:mm:ssZ", "2012-292 18:47:57+0000"), kMoment);
  EXPECT_EQ(read("yyyy-MM-dd HH 'o''clock'", "2012-10-18 20 O'Clock"), 1'350'583'200'000);
}

TEST_F(JodaTimeTest, HoursOfADayAndOfAHalf) {
  EXPECT_EQ(read("HH:mm", "02:01"), 60'000);
  EXPECT_EQ(read("kk:mmZ", "24:01+0000"), 60'000);
  EXPECT_EQ(read("hh a Z", "12 AM +0000"), 0);
  EXPECT_EQ(read("hh a Z", "12 pm +0000"), 12 * 3'600'000);
  EXPECT_EQ(read("KK a Z", "11 PM +0000"), 23 * 3'600'000);
}

TEST_F(JodaTimeTest, WhatIsLeftOutIsJodasDefault) {
  EXPECT_EQ(read("yyyy", "1970"), -kTwoHours);
  EXPECT_EQ(read("MMM d", "Jan 1"), 946'684'800'000 - kTwoHours);  // the year 2000
  EXPECT_EQ(read("yy Z", "26 +0000"), 1'767'225'600'000);          // 2026
  EXPECT_EQ(read("yy Z", "46 +0000"), -757'382'400'000);           // 1946
}

TEST_F(JodaTimeTest, WhatIsNoTimeOfThePatternIsRefused) {
  for (const std::string_view text :
       {"", "2012-10-18", "2012-10-18 18:47:57 ", "2012-13-18 18:47:57", "2011-02-29 18:47:57",
        "2012-10-18 24:47:57", "2012-10-18T18:47:57", "a012-10-18 18:47:57"}) {
    EXPECT_EQ(read("yyyy-MM-dd HH:mm:ss", text), std::nullopt) << text;
  }
  EXPECT_EQ(read("yyyy-MM-dd", "2012-02-29"), 1'330'473'600'000 - kTwoHours);
  EXPECT_EQ(read("yyyy-DDD", "2011-366"), std::nullopt);
}

TEST_F(JodaTimeTest, PatternsThatCannotBeReadAreRefused) {
  for (const std::string_view pattern : {"", "yyyy-ww", "xxxx", "HH:mm z", "ZZZ", "'open", "G"}) {
    EXPECT_FALSE(JodaTime::compile(pattern).has_value()) << pattern;
  }
}

}  // namespace
}  // namespace spillway::agent
