// At-least-once, seen from the sink: what was delivered is acknowledged, what failed comes again in
// the same order, and a drain leaves the channel empty.

#include "agent/sink_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "agent/sink_groups/default_processor.h"
#include "tests/support/event_views.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_channel.h"
#include "tests/support/fake_components.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

struct Parts {
  Parts(Sink& sink, channel::Channel& channel, const Clock& clock)
      : pump("k1", sink, channel, open, clock) {
    open.set(true);
  }
  OpenFlag open;
  SinkPump pump;
  DefaultProcessor processor{pump};
};

// A runner with one sink that has started.
class SingleRunner : private Parts, public SinkRunner {
 public:
  SingleRunner(Sink& sink, channel::Channel& channel, const Clock& clock,
               const SinkRunnerOptions& options)
      : Parts(sink, channel, clock), SinkRunner("k1", processor, options) {}
};

struct SinkRunnerTest : testing::Test {
  static constexpr milliseconds kHour{3'600'000};
  static constexpr milliseconds kPatience{120'000};  // reached only when something hangs

  static SinkRunnerOptions quick() {
    return {.failure = {.initial = milliseconds(1), .max = milliseconds(1)},
            .idle_wait = milliseconds(1)};
  }

  static SinkRunnerOptions patient() {
    return {.failure = {.initial = kHour, .max = kHour}, .idle_wait = kHour};
  }

  void SetUp() override {
    ASSERT_TRUE(channel.start().has_value());
    ASSERT_TRUE(sink.start().has_value());
  }
  bool is_drained() {
    return eventually([&] { return channel.size_events() == 0; });
  }

  SystemClock clock;
  test::FakeChannel channel;
  test::FakeSink sink{/*batch_size=*/3};
};

TEST_F(SinkRunnerTest, DeliversInOrderAndAcknowledges) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b", "c", "d"})).has_value());
  SingleRunner runner(sink, channel, clock, quick());
  runner.start();
  ASSERT_TRUE(is_drained());
  runner.join();
  EXPECT_THAT(sink.delivered(), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(sink.offered(), ElementsAre("a,b,c", "d"));
  EXPECT_EQ(sink.counters().batches_complete.value(), 1U);
  EXPECT_EQ(sink.counters().batches_underflow.value(), 1U);
  EXPECT_EQ(sink.counters().drain_attempts.value(), 4U);
  EXPECT_EQ(sink.counters().drain_successes.value(), 4U);
  EXPECT_EQ(sink.counters().write_failures.value(), 0U);
}

TEST_F(SinkRunnerTest, FailedBatchComesAgainBeforeLaterEvents) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b", "c", "d"})).has_value());
  sink.fail_delivers(2);
  SingleRunner runner(sink, channel, clock, quick());
  runner.start();
  ASSERT_TRUE(is_drained());
  runner.join();
  EXPECT_THAT(sink.offered(), ElementsAre("a,b,c", "a,b,c", "a,b,c", "d"));
  EXPECT_THAT(sink.delivered(), ElementsAre("a", "b", "c", "d"));
  EXPECT_EQ(sink.counters().write_failures.value(), 2U);
  EXPECT_EQ(sink.counters().drain_attempts.value(), 10U);
  EXPECT_EQ(sink.counters().drain_successes.value(), 4U);
}

TEST_F(SinkRunnerTest, EventsAreBackInTheChannelWhileTheSinkBacksOff) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b"})).has_value());
  sink.fail_delivers(1);
  SingleRunner runner(sink, channel, clock, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return sink.counters().write_failures.value() == 1; }));
  EXPECT_THAT(channel.bodies(), ElementsAre("a", "b"));
  runner.join();  // does not sit out the pause
  EXPECT_THAT(sink.delivered(), IsEmpty());
}

TEST_F(SinkRunnerTest, FailedCommitDeliversTwice) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  channel.fail_commits(1);
  SingleRunner runner(sink, channel, clock, quick());
  runner.start();
  ASSERT_TRUE(is_drained());
  runner.join();
  EXPECT_THAT(sink.delivered(), ElementsAre("a", "a"));
  EXPECT_EQ(sink.counters().drain_successes.value(), 1U);
  EXPECT_EQ(sink.counters().channel_read_failures.value(), 1U);
}

TEST_F(SinkRunnerTest, FailedTakeIsCountedAndRepeated) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  channel.fail_takes(2);
  SingleRunner runner(sink, channel, clock, quick());
  runner.start();
  ASSERT_TRUE(is_drained());
  runner.join();
  EXPECT_EQ(sink.counters().channel_read_failures.value(), 2U);
}

TEST_F(SinkRunnerTest, IdleSinkIsCalledForItsTimeBasedWork) {
  SingleRunner runner(sink, channel, clock, quick());
  runner.start();
  EXPECT_TRUE(eventually([&] { return sink.idle_delivers() >= 3; }));
  runner.join();
  EXPECT_GE(sink.counters().batches_empty.value(), 3U);
  EXPECT_EQ(sink.counters().drain_attempts.value(), 0U);
}

TEST_F(SinkRunnerTest, StopWakesATakeThatWaits) {
  SingleRunner runner(sink, channel, clock, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return channel.counters().take_attempts.value() == 1; }));
  // The wait may begin only after the interrupt: repeat it, as Agent's patience would.
  EXPECT_TRUE(eventually([&] {
    runner.request_stop();
    return runner.wait_ended(milliseconds(1));
  }));
  runner.join();
}

TEST_F(SinkRunnerTest, DrainEndsWhenTheChannelIsEmpty) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(channel.put(batch_of({"a", "b"})).has_value());
  sink.fail_delivers(2);
  SingleRunner runner(sink, channel, clock, quick());
  runner.request_drain();
  runner.start();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  EXPECT_EQ(channel.size_events(), 0U);
  EXPECT_EQ(sink.delivered().size(), 40U);
}

TEST_F(SinkRunnerTest, DrainWaitsForEventsAnotherSinkMayGiveBack) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  auto held = channel.take(1, milliseconds(0));
  ASSERT_TRUE(held.has_value());
  SingleRunner runner(sink, channel, clock, quick());
  runner.request_drain();
  runner.start();
  EXPECT_TRUE(eventually([&] { return sink.counters().batches_empty.value() >= 2; }));
  EXPECT_FALSE(runner.wait_ended(milliseconds(0)));
  held.value()->rollback();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  EXPECT_THAT(sink.delivered(), ElementsAre("a"));
}

TEST_F(SinkRunnerTest, StopOverridesADrainThatCannotSucceed) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  sink.fail_delivers(1'000'000);
  SingleRunner runner(sink, channel, clock, patient());
  runner.start();
  runner.request_drain();
  ASSERT_TRUE(eventually([&] { return sink.counters().write_failures.value() == 1; }));
  runner.join();
  EXPECT_THAT(channel.bodies(), ElementsAre("a"));
}

TEST_F(SinkRunnerTest, AnInterruptThatIsLostIsRepeated) {
  SingleRunner runner(sink, channel, clock, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return channel.counters().take_attempts.value() == 1; }));
  channel.lose_interrupts(2);
  runner.request_drain();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  runner.join();
}

TEST_F(SinkRunnerTest, AStopEndsThePauseOfItsSink) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  std::atomic<bool> is_pausing{false};
  sink.on_deliver([&](std::span<const channel::EventView>) -> Result<void> {
    is_pausing = true;
    EXPECT_TRUE(eventually([&] { return sink.interrupt_count() > 0; }));
    return {};
  });
  SingleRunner runner(sink, channel, clock, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return is_pausing.load(); }));
  runner.request_drain();
  EXPECT_FALSE(runner.wait_ended(milliseconds(0)));
  EXPECT_EQ(sink.interrupt_count(), 0);  // a drain has the time
  runner.join();
  EXPECT_THAT(sink.delivered(), ElementsAre("a"));
}

TEST_F(SinkRunnerTest, NeverTakesMoreThanTheChannelsTransactionCapacity) {
  test::FakeSink greedy(/*batch_size=*/1'000'000);
  ASSERT_TRUE(greedy.start().has_value());
  for (int i = 0; i < 150; ++i) channel.preload("x");
  SingleRunner runner(greedy, channel, clock, quick());
  runner.start();
  ASSERT_TRUE(is_drained());
  runner.join();
  EXPECT_EQ(greedy.offered().size(), 2U);
  EXPECT_EQ(greedy.counters().batches_complete.value(), 1U);
}

}  // namespace
}  // namespace spillway::agent
