// The life of a whole agent: the order of starting and stopping, what a drain delivers, and that
// one broken component does not hold up the others.

#include "agent/agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_channel.h"
#include "tests/support/fake_components.h"
#include "tests/support/new_threads.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::eventually;
using test::FakeChannel;
using test::FakeSink;
using test::FakeSource;
using testing::ElementsAre;
using testing::IsEmpty;
using Poll = Source::Poll;

constexpr milliseconds kLong{30'000};  // reached only when something hangs
constexpr milliseconds kHour{3'600'000};

LifecycleOptions quick_retry() {
  return {.start_retry = {.initial = milliseconds(1), .max = milliseconds(2)}};
}
LifecycleOptions no_retry() {
  return {.start_retry = {.initial = kHour, .max = kHour}};
}

// A sink whose start() takes until the test says so.
struct SlowSink final : Sink {
  SlowSink(StopSignal& in, StopSignal& out) : entered(in), release(out) {}
  Result<void> start() override {
    entered.request();
    release.wait();
    return {};
  }
  void stop() override { ++stops; }
  [[nodiscard]] std::size_t batch_size() const override { return 1; }
  Result<void> deliver(std::span<const channel::EventView> batch) override {
    events += static_cast<int>(batch.size());
    return {};
  }
  StopSignal& entered;
  StopSignal& release;
  std::atomic<int> stops{0};
  std::atomic<int> events{0};
};

// One channel, one sink, one source, all fakes; the test scripts them before start().
struct AgentTest : testing::Test {
  void build(bool survives_stop = false, std::size_t sink_count = 1) {
    pipeline.agent_name = "a1";
    auto fake_channel = std::make_unique<FakeChannel>(/*capacity=*/1000, survives_stop);
    channel = fake_channel.get();
    pipeline.add_channel({"c1", "fake"}, std::move(fake_channel));
    for (std::size_t i = 0; i < sink_count; ++i) {
      auto fake_sink = std::make_unique<FakeSink>(/*batch_size=*/2);
      sink = fake_sink.get();
      const SinkRunnerOptions options{
          .failure = {.initial = milliseconds(1), .max = milliseconds(1)},
          .idle_wait = milliseconds(5)};
      pipeline.add_sink({"k" + std::to_string(i + 1), "fake"}, std::move(fake_sink), 0, clock,
                        options);
    }
    const auto added =
        pipeline.add_source({"r1", "fake"}, replicating_flow({.required = {0}, .optional = {}}),
                            [this](EventReceiver& receiver) -> Result<std::unique_ptr<Source>> {
                              auto fake_source = std::make_unique<FakeSource>(&receiver);
                              source = fake_source.get();
                              return std::unique_ptr<Source>(std::move(fake_source));
                            },
                            {});
    ASSERT_TRUE(added.has_value());
  }

  /// The source puts `bodies` one by one and finishes.
  void source_puts(std::vector<std::string> bodies) {
    source->on_poll([bodies = std::move(bodies),
                     next = std::size_t{0}](EventReceiver* receiver) mutable -> Result<Poll> {
      if (next == bodies.size()) return Poll::kFinished;
      channel::EventBatch batch;
      batch.add(bodies[next]);
      TRY(receiver->receive(batch));
      ++next;
      return Poll::kReady;
    });
  }

  SystemClock clock;
  Pipeline pipeline;
  FakeChannel* channel = nullptr;
  FakeSink* sink = nullptr;
  FakeSource* source = nullptr;
};

TEST_F(AgentTest, EventsFlowFromSourceToSink) {
  build();
  source_puts({"a", "b", "c"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return sink->delivered().size() == 3; }));
  EXPECT_TRUE(agent.is_ready());
  agent.stop(kLong);
  EXPECT_THAT(sink->delivered(), ElementsAre("a", "b", "c"));
  EXPECT_FALSE(agent.is_ready());
}

TEST_F(AgentTest, SinksStartBeforeSourcesAndStopAfterThem) {
  build();
  test::Journal journal;
  sink->set_journal(journal);
  source->set_journal(journal);
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_ready(); }));
  EXPECT_TRUE(channel->is_started());
  agent.stop(kLong);
  EXPECT_THAT(journal.lines(),
              ElementsAre("sink start", "source start", "source stop", "sink stop"));
  EXPECT_FALSE(channel->is_started());
}

TEST_F(AgentTest, StopDrainsAChannelThatDoesNotSurviveIt) {
  build(/*survives_stop=*/false);
  StopSignal release;
  sink->on_deliver([&](auto batch) -> Result<void> {
    if (!batch.empty()) release.wait();
    return {};
  });
  source_puts({"a", "b", "c", "d", "e"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return channel->put_count() == 5; }));
  std::thread stopper([&] { agent.stop(kLong); });
  ASSERT_TRUE(eventually([&] { return source->stop_count() == 1; }));
  release.request();
  stopper.join();
  EXPECT_THAT(sink->delivered(), ElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(AgentTest, StopLeavesTheEventsInAChannelThatSurvivesIt) {
  build(/*survives_stop=*/true);
  sink->fail_delivers(1'000'000);
  source_puts({"a", "b", "c"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return channel->put_count() == 3; }));
  agent.stop(kHour);  // would hang if it drained
  EXPECT_THAT(channel->bodies(), ElementsAre("a", "b", "c"));
}

TEST_F(AgentTest, DrainEndsAtItsDeadline) {
  build();
  sink->fail_delivers(1'000'000);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return channel->put_count() == 1; }));
  agent.stop(milliseconds(20));
  EXPECT_THAT(channel->bodies(), ElementsAre("a"));
  EXPECT_EQ(sink->stop_count(), 1);
}

TEST_F(AgentTest, HurryCutsADrainShort) {
  build();
  sink->fail_delivers(1'000'000);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return channel->put_count() == 1; }));
  std::thread stopper([&] { agent.stop(kHour); });
  ASSERT_TRUE(eventually([&] { return source->stop_count() == 1; }));
  agent.hurry();
  stopper.join();
  EXPECT_THAT(channel->bodies(), ElementsAre("a"));
}

TEST_F(AgentTest, TwoSinksDrainOneChannelTogether) {
  build(/*survives_stop=*/false, /*sink_count=*/2);
  std::vector<std::string> bodies;
  for (int i = 0; i < 100; ++i) bodies.push_back(std::to_string(i));
  source_puts(bodies);
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return channel->put_count() == 100; }));
  agent.stop(kLong);
  EXPECT_EQ(channel->size_events(), 0U);
  EXPECT_EQ(channel->counters().take_successes.value(), 100U);
}

TEST_F(AgentTest, StopTwiceAndFromTwoThreadsStopsOnce) {
  build();
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  agent.wait_first_round();
  std::thread other([&] { agent.stop(kLong); });
  agent.stop(kLong);
  other.join();
  agent.stop(kLong);
  EXPECT_EQ(source->stop_count(), 1);
  EXPECT_EQ(sink->stop_count(), 1);
  EXPECT_EQ(channel->stop_count(), 1);
}

TEST_F(AgentTest, StopWithoutStartStopsEveryComponent) {
  build();
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.stop(kLong);
  EXPECT_EQ(source->start_count(), 0);
  EXPECT_EQ(source->stop_count(), 1);
  EXPECT_EQ(sink->stop_count(), 1);
  EXPECT_EQ(channel->stop_count(), 1);
}

TEST_F(AgentTest, SinkThatDoesNotStartIsRetriedWhileTheSourceRuns) {
  build();
  sink->fail_starts(3);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return sink->delivered().size() == 1; }));
  EXPECT_EQ(sink->start_count(), 4);
  EXPECT_TRUE(agent.is_ready());
  EXPECT_EQ(agent.status()[1].start_failures, 3U);
}

TEST_F(AgentTest, NothingUsesAChannelThatDidNotStart) {
  build();
  channel->fail_starts(1);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, no_retry());
  agent.start();
  agent.wait_first_round();
  EXPECT_FALSE(agent.is_ready());
  EXPECT_EQ(sink->start_count(), 0);
  EXPECT_EQ(source->start_count(), 0);
  agent.stop(kLong);
  EXPECT_EQ(channel->put_count(), 0);
  EXPECT_EQ(channel->stop_count(), 1);
  EXPECT_EQ(sink->stop_count(), 1);
  EXPECT_EQ(source->stop_count(), 1);
}

TEST_F(AgentTest, ChannelThatStartsLaterBringsItsSinkAndSourceUp) {
  build();
  channel->fail_starts(2);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  EXPECT_TRUE(eventually([&] { return sink->delivered().size() == 1; }));
}

TEST_F(AgentTest, FailureEverywhereStillStops) {
  build();
  channel->fail_starts(1'000'000);
  sink->fail_starts(1'000'000);
  source->fail_starts(1'000'000);
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.status()[0].start_failures >= 3; }));
  agent.stop(kHour);
  for (const ComponentStatus& status : agent.status()) {
    EXPECT_EQ(status.state, ComponentState::kStopped) << status.name;
  }
}

TEST_F(AgentTest, StopWhileAStartIsStuckWaitsForItAndStartsNothingElse) {
  build();
  StopSignal entered;
  StopSignal release;
  source_puts({"a"});
  auto slow = std::make_unique<SlowSink>(entered, release);
  const SlowSink* slow_sink = slow.get();
  pipeline.add_sink({"slow", "fake"}, std::move(slow), 0, clock, {});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  entered.wait();
  std::thread stopper([&] { agent.stop(milliseconds(50)); });
  release.request();
  stopper.join();
  EXPECT_EQ(slow_sink->stops, 1);
  EXPECT_EQ(source->stop_count(), 1);
}

TEST_F(AgentTest, FirstEventsOfAGroupAreForTheSinkItPrefersNotForTheOneThatStartsFirst) {
  pipeline.agent_name = "a1";
  auto filled = std::make_unique<FakeChannel>();
  filled->preload("a");
  filled->preload("b");
  pipeline.add_channel({"c1", "fake"}, std::move(filled));
  StopSignal entered;
  StopSignal release;
  auto standby_sink = std::make_unique<FakeSink>(/*batch_size=*/1);
  auto slow_sink = std::make_unique<SlowSink>(entered, release);
  const FakeSink* const standby = standby_sink.get();
  const SlowSink* const preferred = slow_sink.get();
  pipeline.add_member({"standby", "fake"}, std::move(standby_sink), 0, clock);
  pipeline.add_member({"preferred", "fake"}, std::move(slow_sink), 0, clock);
  const SinkProcessorType& failover = *find_sink_processor("failover");
  pipeline.add_group(
      {"g1", "failover"}, {0, 1},
      [&](std::vector<SinkPump*> pumps) {
        return failover.create(
            {.group = "g1", .pumps = std::move(pumps), .clock = &clock, .seed = 1},
            Config::of(failover.options, {{"priority.standby", "1"}, {"priority.preferred", "2"}}));
      },
      {});
  Agent agent(std::move(pipeline), clock, quick_retry());
  const test::NewThreads threads;
  agent.start();
  entered.wait();
  EXPECT_EQ(threads.count(), 1);  // the one that starts components; the group's would take events
  release.request();
  EXPECT_TRUE(eventually([&] { return preferred->events == 2; }));
  EXPECT_THAT(standby->delivered(), IsEmpty());
  agent.stop(kLong);
}

TEST_F(AgentTest, NoThreadOutlivesStop) {
  const test::NewThreads threads;
  build(/*survives_stop=*/false, /*sink_count=*/3);
  source_puts({"a", "b"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  ASSERT_TRUE(eventually([&] { return agent.is_ready(); }));
  EXPECT_GT(threads.count(), 0);
  agent.stop(kLong);
  EXPECT_EQ(threads.settled_count(), 0);
}

TEST_F(AgentTest, DestructionStopsWithoutDraining) {
  build();
  sink->fail_delivers(1'000'000);
  source_puts({"a"});
  Agent agent(std::move(pipeline), clock, quick_retry());
  agent.start();
  EXPECT_TRUE(eventually([&] { return channel->put_count() == 1; }));
}

}  // namespace
}  // namespace spillway::agent
