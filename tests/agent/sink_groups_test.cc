// Promise: of a group's sinks one works at a time, the one its processor's rules name; nothing is
// lost or reordered when sinks fail.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/sink_runner.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_channel.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_components.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using testing::ElementsAre;
using testing::IsEmpty;
using Values = std::map<std::string, std::string>;

// Sinks k0, k1, … on one channel, each of which may be broken.
struct GroupTest : testing::Test {
  struct Member {
    explicit Member(std::size_t batch_size) : sink(batch_size) {}
    test::FakeSink sink;
    OpenFlag open;
    bool is_broken = false;
    std::unique_ptr<SinkPump> pump;
  };

  void build(const SinkProcessorType& type, std::size_t count, const Values& values,
             std::size_t batch_size = 1) {
    ASSERT_TRUE(channel.start().has_value());
    SinkProcessorContext context{.group = "g1", .pumps = {}, .clock = &clock, .seed = 7};
    for (std::size_t i = 0; i < count; ++i) {
      members.push_back(std::make_unique<Member>(batch_size));
      Member& member = *members.back();
      const std::string name = "k" + std::to_string(i);
      ASSERT_TRUE(member.sink.start().has_value());
      member.open.set(true);
      member.sink.on_deliver(
          [this, &member, name](auto batch) { return deliver(member, name, batch); });
      member.pump = std::make_unique<SinkPump>(name, member.sink, channel, member.open, clock);
      context.pumps.push_back(member.pump.get());
    }
    processor = type.create(context, Config::of(type.options, values));
  }
  Result<void> deliver(const Member& member, const std::string& name,
                       std::span<const channel::EventView> batch) {
    if (batch.empty()) return {};
    (member.is_broken ? tried : worked).push_back(name);
    if (member.is_broken) return Error{.code = Errc::kUnavailable, .what = "broken"};
    for (const auto& event : batch) bodies.emplace_back(event.body());
    return {};
  }
  Result<Round> round() {
    return processor->process({.wait = milliseconds(0), .is_idle_told = true}, stop);
  }
  // Puts an event and lets the group have one round; who worked, or "-".
  std::string turn() {
    EXPECT_TRUE(channel.put(batch_of({"e"})).has_value());
    worked.clear();
    tried.clear();
    static_cast<void>(round());
    return worked.empty() ? "-" : worked.front();
  }
  std::string turns(int count) {
    std::string all;
    all_tried.clear();
    for (int i = 0; i < count; ++i) {
      all += turn();
      all_tried.insert(all_tried.end(), tried.begin(), tried.end());
    }
    return all;
  }

  test::FakeClock clock;
  test::FakeChannel channel{/*capacity=*/100'000};
  std::vector<std::unique_ptr<Member>> members;
  std::unique_ptr<SinkProcessor> processor;
  StopSignal stop;
  std::vector<std::string> worked;  // in the last round
  std::vector<std::string> tried;   // and failed
  std::vector<std::string> all_tried;
  std::vector<std::string> bodies;
};

struct FailoverTest : GroupTest {
  void build_three(const std::string& maxpenalty = "30000") {
    build(kFailoverProcessor, 3,
          {{"priority.k0", "-5"},
           {"priority.k1", "10"},
           {"priority.k2", "5"},
           {"maxpenalty", maxpenalty}});
  }
};

TEST_F(FailoverTest, TheHighestPriorityThatWorksIsLive) {
  build_three();
  EXPECT_EQ(turn(), "k1");
  members[1]->is_broken = true;
  EXPECT_EQ(turns(2), "k2k2");
  members[2]->is_broken = true;
  EXPECT_EQ(turn(), "k0");
  EXPECT_THAT(processor->states(),
              ElementsAre(SinkState::kLive, SinkState::kPenalised, SinkState::kPenalised));
}

TEST_F(FailoverTest, SinksWithoutAPriorityComeLastInTheOrderOfTheList) {
  build(kFailoverProcessor, 3, {{"priority.k2", "-2147483648"}});
  EXPECT_EQ(turn(), "k2");
  members[2]->is_broken = true;
  EXPECT_EQ(turn(), "k0");
  members[0]->is_broken = true;
  EXPECT_EQ(turn(), "k1");
}

TEST_F(FailoverTest, APenaltyDoublesUpToTheMaximumAndEndsWithASuccess) {
  build_three("7s");
  members[1]->is_broken = true;
  EXPECT_EQ(turn(), "k2");
  for (const int seconds : {2, 4, 7, 7}) {
    clock.advance(milliseconds(seconds * 1000 - 1));
    EXPECT_EQ(turn(), "k2");
    EXPECT_THAT(tried, IsEmpty()) << seconds;
    clock.advance(milliseconds(1));
    EXPECT_EQ(turn(), "k2");
    EXPECT_THAT(tried, ElementsAre("k1")) << seconds;
  }
  members[1]->is_broken = false;
  clock.advance(std::chrono::seconds(7));
  EXPECT_EQ(turn(), "k1");
  members[1]->is_broken = true;
  EXPECT_EQ(turn(), "k2");
  clock.advance(std::chrono::seconds(2));  // counted anew
  members[1]->is_broken = false;
  EXPECT_EQ(turn(), "k1");
}

TEST_F(FailoverTest, AnEmptyChannelDoesNotEndAPenaltyAndTheLiveSinkIsCalled) {
  build_three();
  members[1]->is_broken = true;
  EXPECT_EQ(turn(), "k2");
  clock.advance(std::chrono::seconds(2));
  const int idle_before = members[2]->sink.idle_delivers();
  ASSERT_TRUE(round().has_value());
  EXPECT_EQ(members[2]->sink.idle_delivers(), idle_before + 1);
  EXPECT_EQ(members[1]->sink.idle_delivers(), 0);
  EXPECT_EQ(processor->states()[1], SinkState::kPenalised);
  members[1]->is_broken = false;
  EXPECT_EQ(turn(), "k1");
}

TEST_F(FailoverTest, WhenAllFailTheRoundFailsAndTheEventStays) {
  build_three();
  for (const auto& member : members) member->is_broken = true;
  EXPECT_EQ(turn(), "-");
  EXPECT_THAT(tried, ElementsAre("k1", "k2", "k0"));
  EXPECT_EQ(channel.size_events(), 1U);
  EXPECT_FALSE(round().has_value());
  clock.advance(std::chrono::seconds(2));
  members[0]->is_broken = false;
  EXPECT_TRUE(round().has_value());
  EXPECT_EQ(channel.size_events(), 0U);
}

TEST_F(FailoverTest, ASinkThatHasNotStartedIsPassedOverUntilItHas) {
  build_three();
  members[1]->open.set(false);
  EXPECT_EQ(turn(), "k2");
  EXPECT_THAT(processor->states(),
              ElementsAre(SinkState::kStandby, SinkState::kWaiting, SinkState::kLive));
  members[1]->open.set(true);
  EXPECT_EQ(turn(), "k1");
}

TEST_F(FailoverTest, RandomFailuresLoseAndReorderNothing) {
  const Values priorities{
      {"priority.k0", "4"}, {"priority.k1", "3"}, {"priority.k2", "2"}, {"priority.k3", "1"}};
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    processor.reset();
    members.clear();
    bodies.clear();
    Random random(seed);
    build(kFailoverProcessor, 4, priorities, /*batch_size=*/3);
    std::vector<std::string> expected;
    for (int step = 0; step < 300; ++step) {
      for (const auto& member : members) {
        if (random.one_in(5)) member->is_broken = !member->is_broken;
      }
      if (random.one_in(2)) {
        expected.push_back(std::to_string(step));
        ASSERT_TRUE(channel.put(batch_of({expected.back()})).has_value());
      }
      clock.advance(milliseconds(random.below(3000)));
      worked.clear();
      static_cast<void>(round());
      ASSERT_LE(worked.size(), 1U) << "two live sinks in one round";
    }
    for (const auto& member : members) member->is_broken = false;
    for (int step = 0; step < 300 && channel.size_events() > 0; ++step) {
      clock.advance(std::chrono::seconds(30));
      static_cast<void>(round());
    }
    EXPECT_EQ(bodies, expected);
  }
}

TEST_F(GroupTest, LoadBalanceTakesTurns) {
  build(kLoadBalanceProcessor, 3, {});
  EXPECT_EQ(turns(4), "k0k1k2k0");
}

TEST_F(GroupTest, LoadBalanceTriesTheNextAtOnceAndTheFailedOneAgainInItsTurn) {
  build(kLoadBalanceProcessor, 3, {});
  members[1]->is_broken = true;
  EXPECT_EQ(turns(6), "k0k2k2k0k2k2");
  EXPECT_THAT(all_tried, ElementsAre("k1", "k1"));  // without back-off
}

TEST_F(GroupTest, LoadBalanceWithBackoffLeavesTheFailedOneOut) {
  build(kLoadBalanceProcessor, 2, {{"backoff", "true"}, {"selector.maxTimeOut", "5000"}});
  members[0]->is_broken = true;
  EXPECT_EQ(turn(), "k1");
  EXPECT_THAT(tried, ElementsAre("k0"));
  EXPECT_EQ(processor->states()[0], SinkState::kPenalised);
  for (const int seconds : {2, 4, 5, 5}) {
    clock.advance(milliseconds(seconds * 1000 - 1));
    EXPECT_EQ(turns(2), "k1k1");
    EXPECT_THAT(all_tried, IsEmpty()) << seconds;
    clock.advance(milliseconds(1));
    EXPECT_EQ(turns(2), "k1k1");
    EXPECT_THAT(all_tried, ElementsAre("k0")) << seconds;
  }
  members[0]->is_broken = false;
  clock.advance(std::chrono::seconds(5));
  EXPECT_THAT(turns(2), testing::AnyOf("k0k1", "k1k0"));
}

TEST_F(GroupTest, LoadBalanceCountsFailuresAnewAfterAQuietHour) {
  build(kLoadBalanceProcessor, 2, {{"backoff", "true"}});
  members[0]->is_broken = true;
  turns(2);  // left out for 2 s
  clock.advance(std::chrono::seconds(2));
  turns(2);  // 4 s
  clock.advance(std::chrono::hours(2));
  turns(2);  // 2 s again
  clock.advance(std::chrono::seconds(2));
  turns(2);
  EXPECT_THAT(all_tried, ElementsAre("k0"));
}

TEST_F(GroupTest, LoadBalanceFailsWhenAllAreLeftOut) {
  build(kLoadBalanceProcessor, 2, {{"backoff", "true"}});
  members[0]->is_broken = members[1]->is_broken = true;
  EXPECT_EQ(turn(), "-");
  const auto failed = round();
  ASSERT_FALSE(failed.has_value());
  EXPECT_STREQ(failed.error().what, "every sink of the group is left out");
}

TEST_F(GroupTest, LoadBalanceByChanceReachesAll) {
  build(kLoadBalanceProcessor, 3, {{"selector", "RANDOM"}});
  std::map<std::string, int> hits;
  for (int i = 0; i < 600; ++i) ++hits[turn()];
  for (const char* const name : {"k0", "k1", "k2"}) EXPECT_NEAR(hits[name], 200, 80) << name;
}

TEST_F(GroupTest, ARunnerDrainsThroughWhoeverWorks) {
  build(kFailoverProcessor, 2, {{"priority.k0", "2"}});
  members[0]->is_broken = true;
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(channel.put(batch_of({"x"})).has_value());
  SinkRunner runner("g1", *processor,
                    {.failure = {.initial = milliseconds(1), .max = milliseconds(1)},
                     .idle_wait = milliseconds(1)});
  runner.start();
  runner.start();  // as when the second sink starts
  runner.request_drain();
  EXPECT_TRUE(runner.wait_ended(milliseconds(120'000)));
  runner.join();
  EXPECT_EQ(channel.size_events(), 0U);
  EXPECT_EQ(members[1]->sink.delivered().size(), 50U);
}

// A sink that refuses for good what begins with "bad".
class PickySink final : public Sink {
 public:
  Result<void> start() override { return {}; }
  void stop() override {}
  [[nodiscard]] std::size_t batch_size() const override { return 10; }
  Result<void> deliver(std::span<const channel::EventView> batch) override {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].body().starts_with("bad")) {
        refuse(i, "it is " + std::string(batch[i].body()));
      } else {
        delivered.emplace_back(batch[i].body());
      }
    }
    if (!is_failing) return {};
    return Error{.code = Errc::kUnavailable, .what = "failing"};
  }
  std::vector<std::string> delivered;
  bool is_failing = false;
};

class RecordingDeadLetters final : public DeadLetters {
 public:
  Result<void> add(std::span<const channel::EventView> batch,
                   std::span<const RefusedEvent> refused) override {
    if (is_full) return Error{.code = Errc::kFull, .what = "full"};
    for (const RefusedEvent& event : refused) {
      kept.push_back(std::string(batch[event.index].body()) + ": " + event.reason);
    }
    return {};
  }
  std::vector<std::string> kept;
  bool is_full = false;
};

struct RefusalTest : testing::Test {
  RefusalTest() {
    CHECK(channel.start().has_value());
    open.set(true);
    CHECK(channel.put(batch_of({"a", "bad1", "b", "bad2"})).has_value());
  }
  Result<Round> round() { return pump.run({.wait = milliseconds(0), .is_idle_told = true}, stop); }

  test::FakeClock clock;
  test::FakeChannel channel;
  PickySink sink;
  OpenFlag open;
  SinkPump pump{"k1", sink, channel, open, clock};
  StopSignal stop;
  RecordingDeadLetters letters;
};

TEST_F(RefusalTest, RefusedEventsBecomeDeadLettersAndTheOthersAreAcknowledged) {
  pump.set_dead_letters(letters);
  EXPECT_TRUE(round().has_value());
  EXPECT_THAT(sink.delivered, ElementsAre("a", "b"));
  EXPECT_THAT(letters.kept, ElementsAre("bad1: it is bad1", "bad2: it is bad2"));
  EXPECT_EQ(channel.size_events(), 0U);
}

TEST_F(RefusalTest, WithoutDeadLettersTheyAreLostAndTheSinkGoesOn) {
  EXPECT_TRUE(round().has_value());
  EXPECT_THAT(sink.delivered, ElementsAre("a", "b"));
  EXPECT_EQ(channel.size_events(), 0U);
}

TEST_F(RefusalTest, WhatIsRefusedInAFailedBatchMeansNothing) {
  pump.set_dead_letters(letters);
  sink.is_failing = true;
  EXPECT_FALSE(round().has_value());
  EXPECT_THAT(letters.kept, IsEmpty());
  EXPECT_EQ(channel.size_events(), 4U);
  sink.is_failing = false;
  EXPECT_TRUE(round().has_value());
  EXPECT_EQ(letters.kept.size(), 2U);  // not those of the failed try, too
}

TEST_F(RefusalTest, DeadLettersThatCannotBeKeptFailTheBatch) {
  pump.set_dead_letters(letters);
  letters.is_full = true;
  EXPECT_FALSE(round().has_value());
  EXPECT_EQ(channel.size_events(), 4U);
  letters.is_full = false;
  EXPECT_TRUE(round().has_value());
  EXPECT_THAT(letters.kept, ElementsAre("bad1: it is bad1", "bad2: it is bad2"));
}

}  // namespace
}  // namespace spillway::agent
