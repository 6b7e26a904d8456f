// A load of takes fills up its backlog, takes no more than that, and says when it was too small.
#include "bench/peers/take_load.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/bench/bench_channel_fixture.h"

namespace spillway::bench {
namespace {

class TakeLoadTest : public BenchChannelFixture<testing::TestWithParam<channel::AckDurability>> {
 protected:
  void SetUp() override { open({.spare_slots = 1, .ack_durability = GetParam()}); }
};

TEST_P(TakeLoadTest, FillsUpAndTakesForItsTime) {
  const TakeLoad load{.batch_events = 1,
                      .event_bytes = 20,
                      .warm_up_ns = 0,
                      .duration_ns = 1,
                      .backlog_events = 1'000};
  for (int round = 0; round < 2; ++round) {
    const auto sample = run_takes(*channel_, load, clock_);
    ASSERT_TRUE(sample.has_value()) << to_string(sample.error());
    EXPECT_GT(sample.value().events_per_second, 0);
    EXPECT_GE(sample.value().p99_us, sample.value().p50_us);
    EXPECT_EQ(channel_->channel().size_events(), 999U);
  }
}

TEST_P(TakeLoadTest, EndsWithItsBacklog) {
  const auto sample = run_takes(
      *channel_,
      {.event_bytes = 20, .warm_up_ns = 0, .duration_ns = UINT64_MAX, .backlog_events = 1'000},
      clock_);
  ASSERT_TRUE(sample.has_value()) << to_string(sample.error());
  EXPECT_EQ(channel_->channel().size_events(), 0U);
}

TEST_P(TakeLoadTest, ABacklogThatTheWarmUpEmptiesIsNotMeasured) {
  const auto sample = run_takes(*channel_, {.batch_events = 10, .backlog_events = 10}, clock_);
  ASSERT_FALSE(sample.has_value());
  EXPECT_EQ(sample.error().code, Errc::kFull);
}

TEST_P(TakeLoadTest, AnotherEventThanThoseOfTheLoadIsAnError) {
  ASSERT_TRUE(channel_->fill(10, 7).has_value());
  const auto sample = run_takes(*channel_, {.event_bytes = 8, .backlog_events = 10}, clock_);
  ASSERT_FALSE(sample.has_value());
  EXPECT_EQ(sample.error().code, Errc::kCorrupt);
}

INSTANTIATE_TEST_SUITE_P(Acks, TakeLoadTest,
                         testing::Values(channel::AckDurability::kLazy,
                                         channel::AckDurability::kStrict));

}  // namespace
}  // namespace spillway::bench
