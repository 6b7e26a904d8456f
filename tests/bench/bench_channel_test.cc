// Loads count what they committed and took, and drain leaves nothing behind.
#include "bench/bench_channel.h"

#include <gtest/gtest.h>

#include "tests/bench/bench_channel_fixture.h"

namespace spillway::bench {
namespace {

class BenchChannelTest : public BenchChannelFixture<testing::Test> {
 protected:
  void SetUp() override { open({.spare_slots = 1}); }
};

TEST_F(BenchChannelTest, ALoadReportsWhatItDid) {
  const auto sample = channel_->run(
      {.producers = 2, .consumers = 1, .batch_events = 10, .duration_ns = 50'000'000});
  ASSERT_TRUE(sample.has_value()) << to_string(sample.error());
  const LoadSample& s = sample.value();
  EXPECT_GT(s.commits_per_second, 0);
  EXPECT_DOUBLE_EQ(s.events_per_second, 10 * s.commits_per_second);
  EXPECT_DOUBLE_EQ(s.payload_bytes_per_second, 500 * s.events_per_second);
  EXPECT_GT(s.taken_per_second, 0);
  EXPECT_GE(s.write_amplification, 1);
  EXPECT_GE(s.p99_ns, s.p50_ns);
  EXPECT_GE(s.p999_ns, s.p99_ns);
}

TEST_F(BenchChannelTest, ALoadEndsAtItsBytes) {
  const std::uint64_t started = clock_.monotonic_ns();
  const auto sample = channel_->run(
      {.batch_events = 100, .duration_ns = 100'000'000'000, .payload_bytes_max = 1'000'000});
  ASSERT_TRUE(sample.has_value());
  EXPECT_LT(clock_.monotonic_ns() - started, 50'000'000'000U);
}

TEST_F(BenchChannelTest, DrainLeavesNothing) {
  ASSERT_TRUE(channel_->fill(2'345, 20).has_value());
  EXPECT_EQ(channel_->channel().size_events(), 2'345U);
  EXPECT_EQ(channel_->take(45).value(), 45U);
  EXPECT_EQ(channel_->channel().size_events(), 2'300U);
  ASSERT_TRUE(channel_->drain().has_value());
  EXPECT_EQ(channel_->channel().size_events(), 0U);
}

TEST_F(BenchChannelTest, MetricsThatTheGoalsUseArePublished) {
  const MetricValues metrics = channel_->metrics();
  for (const char* name : {"spare_slots", "log_written_bytes_total", "log_block_size_bytes",
                           "manifest_written_bytes_total", "segments"}) {
    EXPECT_TRUE(metrics.contains(name)) << name;
  }
}

}  // namespace
}  // namespace spillway::bench
