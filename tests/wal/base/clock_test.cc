// The system clock goes forward and knows the date; the fake one moves only when told.
#include "wal/base/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "tests/support/fake_clock.h"

namespace spillway {
namespace {

TEST(SystemClockTest, MonotonicTimeAdvancesAndNeverGoesBack) {
  const SystemClock clock;
  const std::uint64_t start = clock.monotonic_ns();
  std::uint64_t last = start;
  while (last - start < 1'000'000) {
    const std::uint64_t now = clock.monotonic_ns();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, WallTimeIsInMillisecondsSince1970) {
  const std::int64_t now = SystemClock().wall_ms();
  EXPECT_GT(now, 1'600'000'000'000);   // 2020
  EXPECT_LT(now, 10'000'000'000'000);  // 2286
}

TEST(FakeClockTest, MovesOnlyWhenTold) {
  test::FakeClock clock;
  EXPECT_EQ(clock.monotonic_ns(), 0U);
  EXPECT_EQ(clock.wall_ms(), test::FakeClock::kStartWallMs);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(clock.monotonic_ns(), 2'000'000'000U);
  EXPECT_EQ(clock.wall_ms(), test::FakeClock::kStartWallMs + 2000);
}

TEST(FakeClockTest, WallTimeJumpsWithoutTheMonotonicClock) {
  test::FakeClock clock;
  clock.advance(std::chrono::seconds(5));
  clock.set_wall_ms(1000);
  EXPECT_EQ(clock.wall_ms(), 1000);
  EXPECT_EQ(clock.monotonic_ns(), 5'000'000'000U);
  clock.advance(std::chrono::milliseconds(3));
  EXPECT_EQ(clock.wall_ms(), 1003);
}

}  // namespace
}  // namespace spillway
