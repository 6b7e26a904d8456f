// What a file channel says about time: how old its oldest event is, before and after a start, and
// how long events have waited.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"

namespace spillway::channel {
namespace {

using std::chrono::seconds;

class ChannelAgeTest : public testing::Test {
 protected:
  ChannelAgeTest() { open(); }
  ~ChannelAgeTest() override { channel_->stop(); }

  void open() {
    auto options = test::small_file_channel(
        "/c1", {.capacity_events = 10'000, .transaction_capacity_events = 100});
    options.log.background = wal::Background::kNone;
    channel_ = std::make_unique<FileChannel>(std::move(options), disk_, clock_);
    ASSERT_TRUE(channel_->start().has_value());
  }
  void reopen() {
    channel_->stop();
    open();
  }
  void put(std::size_t count) {
    ASSERT_TRUE(channel_->put(test::numbered_batch("e", count)).has_value());
  }
  [[nodiscard]] double age_seconds() const {
    return test::RecordedMetrics(*channel_).gauges.at("oldest_event_age_ns") / 1e9;
  }
  [[nodiscard]] std::uint64_t counter(const std::string& name) const {
    return test::RecordedMetrics(*channel_).counters.at(name);
  }

  test::FakeClock clock_;
  test::SimDisk disk_;
  std::unique_ptr<FileChannel> channel_;
};

TEST_F(ChannelAgeTest, OldestEventIsTheOldestUnacknowledgedOne) {
  EXPECT_EQ(age_seconds(), 0);
  put(2);
  clock_.advance(seconds(5));
  put(2);
  clock_.advance(seconds(3));
  EXPECT_NEAR(age_seconds(), 8, 0.01);
  {
    const auto taken = channel_->take(2, std::chrono::milliseconds(0));
    EXPECT_NEAR(age_seconds(), 8, 0.01) << "taken is not acknowledged";
  }
  test::take_and_commit(*channel_, 2);
  EXPECT_NEAR(age_seconds(), 3, 0.01);
  ASSERT_TRUE(channel_->checkpoint().has_value());
  EXPECT_NEAR(age_seconds(), 3, 0.01);
  test::take_and_commit(*channel_, 2);
  EXPECT_EQ(age_seconds(), 0);
}

TEST_F(ChannelAgeTest, EventsFromBeforeTheStartAreAsOldAsTheirSegment) {
  clock_.advance(seconds(1));  // the segment has begun before
  put(3);
  clock_.advance(seconds(60));
  reopen();
  EXPECT_NEAR(age_seconds(), 61, 0.01);
  put(1);
  clock_.advance(seconds(4));
  EXPECT_NEAR(age_seconds(), 65, 0.01);
  test::take_and_commit(*channel_, 3);
  EXPECT_NEAR(age_seconds(), 4, 0.01);
}

TEST_F(ChannelAgeTest, ClockThatWasSetBackMakesNothingOld) {
  put(3);
  reopen();
  clock_.set_wall_ms(test::FakeClock::kStartWallMs - 3'600'000);
  EXPECT_EQ(age_seconds(), 0);
}

TEST_F(ChannelAgeTest, AgeOfASegmentThatCannotBeReadIsNotMadeUp) {
  put(3);
  reopen();
  clock_.advance(seconds(60));
  disk_.fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kRead; },
                  {.code = Errc::kNoSpace, .what = "injected"});
  EXPECT_EQ(age_seconds(), 0);
  disk_.clear_faults();
}

TEST_F(ChannelAgeTest, WaitingAndTakingAreMeasured) {
  put(3);
  put(2);
  clock_.advance(seconds(2));
  EXPECT_EQ(test::take_and_commit(*channel_, 10).size(), 5U);
  EXPECT_EQ(counter("queue_wait_ns"), 2U) << "once per block";
  EXPECT_EQ(counter("take_ns"), 1U);
  test::take_and_commit(*channel_, 10);
  EXPECT_EQ(counter("take_ns"), 1U) << "an empty take is no take";
}

TEST_F(ChannelAgeTest, ShareOfBlocksFromMemoryIsKnown) {
  const auto ratio = [&] { return test::RecordedMetrics(*channel_).gauges.at("cache_hit_ratio"); };
  EXPECT_EQ(ratio(), 1) << "nothing was missed yet";
  put(3);
  reopen();  // what was in memory is gone
  put(1);
  EXPECT_EQ(test::drain(*channel_).size(), 4U);
  EXPECT_GT(ratio(), 0);
  EXPECT_LT(ratio(), 1);
}

}  // namespace
}  // namespace spillway::channel
