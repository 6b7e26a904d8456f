// A source feeds two channels, and the sink of one hangs with events in its hands: the sink of the
// other gets every event meanwhile, the source is never refused, and what waited for the sink that
// hung is delivered once it is well. How fast the other sink is then is measured, not tested:
// bench/peers/collectors/compare.py.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/stop_signal.h"
#include "channel/memory_channel.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_components.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using test::FakeSink;
using test::FakeSource;
using Poll = Source::Poll;

constexpr std::size_t kEvents = 2000;
constexpr std::size_t kEventsPerPut = 10;

class SiblingSinkTest : public testing::Test {
 protected:
  /// Channels and sinks 1 and 2, the first of which hangs in its first deliver until `release`.
  /// Channel 1 holds `capacity` events, channel 2 all.
  void start(std::size_t capacity, const Route& route) {
    Pipeline pipeline;
    pipeline.agent_name = "a1";
    for (const std::size_t events : {capacity, kEvents}) {
      const std::string name = "c" + std::to_string(pipeline.channels.size() + 1);
      pipeline.add_channel({name, "memory"},
                           std::make_unique<channel::MemoryChannel>(channel::MemoryChannelOptions{
                               .capacity_events = events,
                               .transaction_capacity_events = kEventsPerPut,
                               .keep_alive = milliseconds(1)}));
    }
    const SinkRunnerOptions sink_options{.idle_wait = milliseconds(5)};
    for (std::size_t i = 0; i < 2; ++i) {
      auto sink = std::make_unique<FakeSink>(kEventsPerPut);
      if (i == 0) {
        sink->on_deliver([this](auto batch) { return hang(batch.size()); });
      }
      sinks.push_back(sink.get());
      pipeline.add_sink({"k" + std::to_string(i + 1), "fake"}, std::move(sink), i, clock,
                        sink_options);
    }
    const auto added =
        pipeline.add_source({"r1", "fake"}, replicating_flow(route),
                            [this](EventReceiver& receiver) -> Result<std::unique_ptr<Source>> {
                              auto source = std::make_unique<FakeSource>(&receiver);
                              source->on_poll([this](EventReceiver* to) { return put_some(*to); });
                              return std::unique_ptr<Source>(std::move(source));
                            },
                            {});
    ASSERT_TRUE(added.has_value());
    agent = std::make_unique<Agent>(std::move(pipeline), clock, LifecycleOptions{});
    agent->start();
  }

  Result<void> hang(std::size_t count) {
    if (count > 0) {
      is_hanging = true;
      release.wait();
    }
    return {};
  }

  // Begins when the sink hangs, but for the events it hangs with.
  Result<Poll> put_some(EventReceiver& to) {
    if (put_count == kEvents) return Poll::kFinished;
    if (put_count > 0 && !is_hanging) return Poll::kIdle;
    channel::EventBatch batch;
    for (std::size_t i = 0; i < kEventsPerPut; ++i) batch.add(std::to_string(put_count + i));
    if (const auto received = to.receive(batch); !received.has_value()) {
      ++refused_count;
      return received.error();
    }
    put_count += kEventsPerPut;
    return Poll::kReady;
  }

  static std::vector<std::string> everything() {
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < kEvents; ++i) bodies.push_back(std::to_string(i));
    return bodies;
  }

  SystemClock clock;
  StopSignal release;
  std::atomic<bool> is_hanging{false};
  std::atomic<std::size_t> put_count{0};
  std::atomic<std::size_t> refused_count{0};
  std::vector<FakeSink*> sinks;
  std::unique_ptr<Agent> agent;
};

TEST_F(SiblingSinkTest, GetsEverythingWhileTheOtherHangs) {
  start(kEvents, {.required = {0, 1}, .optional = {}});
  EXPECT_TRUE(eventually([&] { return sinks[1]->delivered().size() == kEvents; }));
  EXPECT_TRUE(sinks[0]->delivered().empty());
  EXPECT_EQ(refused_count, 0U);
  EXPECT_EQ(sinks[1]->delivered(), everything());
  release.request();
  EXPECT_TRUE(eventually([&] { return sinks[0]->delivered().size() == kEvents; }));
  EXPECT_EQ(sinks[0]->delivered(), everything());
  agent->stop(milliseconds(0));
}

TEST_F(SiblingSinkTest, GetsEverythingWhenTheOthersOptionalChannelIsFull) {
  start(3 * kEventsPerPut, {.required = {1}, .optional = {0}});
  EXPECT_TRUE(eventually([&] { return sinks[1]->delivered().size() == kEvents; }));
  EXPECT_EQ(sinks[1]->delivered(), everything());
  EXPECT_EQ(refused_count, 0U);
  release.request();
  agent->stop(milliseconds(0));
}

}  // namespace
}  // namespace spillway::agent
