// The null channel accepts everything, counts it, and has nothing for a sink.

#include "channel/null_channel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

#include "tests/support/events.h"
#include "tests/support/eventually.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;

struct NullChannelTest : testing::Test {
  NullChannel channel;
  void SetUp() override { ASSERT_TRUE(channel.start().has_value()); }
};

TEST_F(NullChannelTest, TakesAnyNumberOfEventsAndKeepsNone) {
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(channel.put(batch_of({"a", "b"})).has_value());
  EXPECT_EQ(channel.size_events(), 0U);
  EXPECT_EQ(channel.counters().put_attempts.value(), 2000U);
  EXPECT_EQ(channel.counters().put_successes.value(), 2000U);
  EXPECT_TRUE(channel.take(10, milliseconds(0)).value()->events().empty());
}

TEST_F(NullChannelTest, TakeWaitsAsLongAsTold) {
  const auto before = std::chrono::steady_clock::now();
  const auto taken = std::move(channel.take(10, milliseconds(20)).value());
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(20));
  EXPECT_TRUE(taken->commit().has_value());
}

TEST_F(NullChannelTest, InterruptAndStopEndAWaitingTake) {
  std::atomic<bool> is_over{false};
  auto interrupted = std::async(std::launch::async, [&] {
    const bool is_fine = channel.take(1, milliseconds(60'000)).has_value();
    is_over = true;
    return is_fine;
  });
  EXPECT_TRUE(test::eventually([&] {
    channel.interrupt_takes();
    return is_over.load();
  }));
  EXPECT_TRUE(interrupted.get());
  auto stopped = std::async(std::launch::async,
                            [&] { return channel.take(1, milliseconds(60'000)).error().code; });
  test::give_way();
  channel.stop();
  EXPECT_EQ(stopped.get(), Errc::kClosed);
}

TEST_F(NullChannelTest, NothingWorksAfterStop) {
  channel.stop();
  channel.stop();
  EXPECT_EQ(channel.put(batch_of({"a"})).error().code, Errc::kClosed);
  EXPECT_EQ(channel.take(1, milliseconds(0)).error().code, Errc::kClosed);
}

}  // namespace
}  // namespace spillway::channel
