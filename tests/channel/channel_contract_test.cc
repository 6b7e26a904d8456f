// What channel/channel.h promises, held against every channel type, one thread at a time.
// What it promises to many threads is in channel_threads_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/channel_kind.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::bodies_of;
using test::ChannelLimits;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kNoWait{0};

struct ChannelContractTest : testing::TestWithParam<test::ChannelKind> {
  std::unique_ptr<test::ChannelHome> home = GetParam().make_home();

  std::unique_ptr<Channel> started(const ChannelLimits& limits = {}) {
    auto channel = home->create(limits);
    EXPECT_TRUE(channel->start().has_value());
    return channel;
  }
  static bool put(Channel& channel, const std::vector<std::string>& bodies) {
    return channel.put(batch_of(bodies)).has_value();
  }
  static std::unique_ptr<TakeTransaction> take(Channel& channel, std::size_t events_max) {
    return std::move(channel.take(events_max, kNoWait).value());
  }
};

TEST_P(ChannelContractTest, EventsComeOutInTheOrderTheyWentIn) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b", "c"}));
  ASSERT_TRUE(put(*channel, {"d"}));
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b", "c", "d"));
  channel->stop();
}

TEST_P(ChannelContractTest, EveryByteOfHeadersAndBodyArrives) {
  const auto channel = started();
  const std::string odd("\0\xff\xfe\n\x80", 5);
  const std::string large(200'000, '\xa5');
  const std::array headers{HeaderView{"host", "n1"}, HeaderView{"", ""}, HeaderView{odd, odd}};
  EventBatch batch;
  batch.add(headers, large);
  batch.add("");
  ASSERT_TRUE(channel->put(batch).has_value());

  const auto taken = take(*channel, 10);
  ASSERT_EQ(taken->events().size(), 2U);
  const EventView first = taken->events()[0];
  EXPECT_EQ(as_text(first.encoded()), as_text(batch[0].encoded()));
  EXPECT_EQ(first.body(), large);
  std::vector<HeaderView> seen;
  first.for_each_header([&seen](const HeaderView& header) { seen.push_back(header); });
  EXPECT_EQ(seen, std::vector<HeaderView>(headers.begin(), headers.end()));
  EXPECT_TRUE(taken->events()[1].body().empty());
  EXPECT_TRUE(taken->commit().has_value());
  channel->stop();
}

TEST_P(ChannelContractTest, PutCopiesTheBatch) {
  const auto channel = started();
  EventBatch batch = batch_of({"kept"});
  ASSERT_TRUE(channel->put(batch).has_value());
  batch.clear();
  batch.add("later");
  EXPECT_THAT(test::drain(*channel), ElementsAre("kept"));
  channel->stop();
}

TEST_P(ChannelContractTest, TakeGathersBatchesAndSplitsThem) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  ASSERT_TRUE(put(*channel, {"c", "d", "e"}));
  EXPECT_THAT(test::take_and_commit(*channel, 1), ElementsAre("a"));
  EXPECT_THAT(test::take_and_commit(*channel, 3), ElementsAre("b", "c", "d"));
  EXPECT_THAT(test::take_and_commit(*channel, 3), ElementsAre("e"));
  channel->stop();
}

TEST_P(ChannelContractTest, EmptyBatchSucceedsAndPutsNothing) {
  const auto channel = started();
  EXPECT_TRUE(channel->put(EventBatch()).has_value());
  EXPECT_EQ(channel->size_events(), 0U);
  EXPECT_THAT(test::drain(*channel), IsEmpty());
  channel->stop();
}

TEST_P(ChannelContractTest, TakeFromAnEmptyChannelIsAnEmptyTransaction) {
  const auto channel = started();
  const auto committed = take(*channel, 5);
  EXPECT_THAT(committed->events(), IsEmpty());
  EXPECT_TRUE(committed->commit().has_value());
  const auto rolled_back = take(*channel, 5);
  rolled_back->rollback();
  EXPECT_THAT(take(*channel, 5)->events(), IsEmpty());  // destroyed unfinished
  channel->stop();
}

TEST_P(ChannelContractTest, EmptyTakeWaitsAsLongAsTold) {
  const auto channel = started();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_THAT(channel->take(1, milliseconds(20)).value()->events(), IsEmpty());
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(20));
  channel->stop();
}

TEST_P(ChannelContractTest, CommitDropsForGood) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b", "c"}));
  const auto taken = take(*channel, 2);
  ASSERT_TRUE(taken->commit().has_value());
  EXPECT_EQ(channel->size_events(), 1U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("c"));
  channel->stop();
}

TEST_P(ChannelContractTest, RollbackReturnsToTheFrontInOrder) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  ASSERT_TRUE(put(*channel, {"c", "d"}));
  take(*channel, 3)->rollback();
  ASSERT_TRUE(put(*channel, {"e"}));
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b", "c", "d", "e"));
  channel->stop();
}

TEST_P(ChannelContractTest, DestructionRollsBack) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  EXPECT_EQ(take(*channel, 2)->events().size(), 2U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  channel->stop();
}

TEST_P(ChannelContractTest, OpenTransactionsMayEndInAnyOrder) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b", "c", "d", "e", "f"}));
  const auto first = take(*channel, 2);
  const auto second = take(*channel, 2);
  const auto third = take(*channel, 2);
  EXPECT_THAT(bodies_of(third->events()), ElementsAre("e", "f"));
  first->rollback();
  third->rollback();  // younger than what is in front already
  ASSERT_TRUE(second->commit().has_value());
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b", "e", "f"));
  channel->stop();
}

TEST_P(ChannelContractTest, EventsStayReadableWhileTheTransactionIsOpen) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"first"}));
  const auto taken = take(*channel, 1);
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(put(*channel, {"more", "and more"}));
    ASSERT_EQ(test::take_and_commit(*channel, 2).size(), 2U);
  }
  EXPECT_THAT(bodies_of(taken->events()), ElementsAre("first"));
  EXPECT_TRUE(taken->commit().has_value());
  channel->stop();
}

TEST_P(ChannelContractTest, FullChannelRefusesTheWholeBatch) {
  const auto channel = started({.capacity_events = 5, .transaction_capacity_events = 5});
  ASSERT_TRUE(put(*channel, {"a", "b", "c", "d"}));
  const auto refused = channel->put(batch_of({"e", "f"}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kFull);
  EXPECT_NE(std::strstr(refused.error().what, "capacity"), nullptr) << refused.error().what;
  EXPECT_EQ(channel->size_events(), 4U);
  EXPECT_TRUE(put(*channel, {"g"}));  // what does fit is still welcome
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b", "c", "d", "g"));
  channel->stop();
}

TEST_P(ChannelContractTest, FullChannelWaitsForKeepAlive) {
  const auto channel = started(
      {.capacity_events = 1, .transaction_capacity_events = 1, .keep_alive = milliseconds(20)});
  ASSERT_TRUE(put(*channel, {"a"}));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(channel->put(batch_of({"b"})).error().code, Errc::kFull);
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(20));
  channel->stop();
}

TEST_P(ChannelContractTest, OnlyCommitFreesRoom) {
  const auto channel = started({.capacity_events = 5, .transaction_capacity_events = 5});
  ASSERT_TRUE(put(*channel, {"a", "b", "c", "d", "e"}));
  const auto taken = take(*channel, 2);
  EXPECT_EQ(channel->size_events(), 5U);
  EXPECT_EQ(channel->put(batch_of({"f"})).error().code, Errc::kFull);
  taken->rollback();
  EXPECT_EQ(channel->put(batch_of({"f"})).error().code, Errc::kFull);
  EXPECT_EQ(channel->size_events(), 5U);
  EXPECT_THAT(test::take_and_commit(*channel, 2), ElementsAre("a", "b"));
  EXPECT_TRUE(put(*channel, {"f", "g"}));
  EXPECT_THAT(test::drain(*channel), ElementsAre("c", "d", "e", "f", "g"));
  channel->stop();
}

TEST_P(ChannelContractTest, BatchBeyondTransactionCapacityIsTooLarge) {
  const auto channel = started({.capacity_events = 10, .transaction_capacity_events = 2});
  EXPECT_EQ(channel->put(batch_of({"a", "b", "c"})).error().code, Errc::kTooLarge);
  EXPECT_EQ(channel->size_events(), 0U);
  EXPECT_TRUE(put(*channel, {"a", "b"}));
  EXPECT_EQ(test::drain(*channel).size(), 2U);
  channel->stop();
}

TEST_P(ChannelContractTest, TakeBeyondTransactionCapacityIsTooLarge) {
  const auto channel = started({.capacity_events = 10, .transaction_capacity_events = 2});
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  const auto refused = channel->take(3, kNoWait);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  channel->stop();
}

TEST_P(ChannelContractTest, ReportsItsLimits) {
  const auto channel = started({.capacity_events = 7, .transaction_capacity_events = 3});
  EXPECT_EQ(channel->capacity_events(), 7U);
  EXPECT_EQ(channel->transaction_capacity(), 3U);
  channel->stop();
}

TEST_P(ChannelContractTest, SizeIsQueuedPlusTaken) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b", "c"}));
  const auto taken = take(*channel, 2);
  EXPECT_EQ(channel->size_events(), 3U);
  ASSERT_TRUE(taken->commit().has_value());
  EXPECT_EQ(channel->size_events(), 1U);
  channel->stop();
}

TEST_P(ChannelContractTest, NothingWorksBeforeStart) {
  const auto channel = home->create({});
  EXPECT_EQ(channel->put(batch_of({"a"})).error().code, Errc::kClosed);
  EXPECT_EQ(channel->take(1, kNoWait).error().code, Errc::kClosed);
  channel->stop();
}

TEST_P(ChannelContractTest, NothingWorksAfterStop) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a"}));
  channel->stop();
  EXPECT_EQ(channel->put(batch_of({"b"})).error().code, Errc::kClosed);
  EXPECT_EQ(channel->take(1, milliseconds(60'000)).error().code, Errc::kClosed);
}

TEST_P(ChannelContractTest, StopMayComeTwiceOrWithoutStart) {
  const auto channel = started();
  channel->stop();
  channel->stop();
  const auto never_started = home->create({});
  never_started->stop();
  never_started->stop();
}

TEST_P(ChannelContractTest, StopKeepsWhatADurableChannelHolds) {
  {
    const auto channel = started();
    ASSERT_TRUE(put(*channel, {"gone", "a"}));
    ASSERT_TRUE(put(*channel, {"b"}));
    ASSERT_THAT(test::take_and_commit(*channel, 1), ElementsAre("gone"));
    channel->stop();
  }
  const auto reopened = started();
  if (home->is_durable()) {
    EXPECT_EQ(reopened->size_events(), 2U);
    EXPECT_THAT(test::drain(*reopened), ElementsAre("a", "b"));
  } else {
    EXPECT_EQ(reopened->size_events(), 0U);
    EXPECT_THAT(test::drain(*reopened), IsEmpty());
  }
  reopened->stop();
}

TEST_P(ChannelContractTest, InterruptDoesNotBreakLaterTakes) {
  const auto channel = started();
  channel->interrupt_takes();
  ASSERT_TRUE(put(*channel, {"a"}));
  EXPECT_THAT(test::drain(*channel), ElementsAre("a"));
  channel->stop();
}

TEST_P(ChannelContractTest, CountersTellPutsAndTakes) {
  const auto channel = started({.capacity_events = 3, .transaction_capacity_events = 3});
  ASSERT_TRUE(put(*channel, {"a", "b", "c"}));
  ASSERT_FALSE(put(*channel, {"d", "e"}));
  take(*channel, 2)->rollback();
  ASSERT_EQ(test::take_and_commit(*channel, 3).size(), 3U);
  EXPECT_EQ(channel->counters().put_attempts.value(), 5U);
  EXPECT_EQ(channel->counters().put_successes.value(), 3U);
  EXPECT_EQ(channel->counters().take_attempts.value(), 5U);
  EXPECT_EQ(channel->counters().take_successes.value(), 3U);
  EXPECT_EQ(channel->counters().put_errors.value(), 0U);
  EXPECT_EQ(channel->counters().take_errors.value(), 0U);
  channel->stop();
}

// Remembers names; a name that comes twice would overwrite itself on the status page.
class NameSink final : public MetricSink {
 public:
  void counter(std::string_view name, std::string_view help, std::uint64_t) override {
    EXPECT_TRUE(name.ends_with("_total")) << name;
    see(name, help);
  }
  void gauge(std::string_view name, std::string_view help, double value) override {
    EXPECT_GE(value, 0.0) << name;
    see(name, help);
  }
  void histogram(std::string_view name, std::string_view help, const Histogram&) override {
    see(name, help);
  }

 private:
  void see(std::string_view name, std::string_view help) {
    EXPECT_FALSE(help.empty()) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), name.npos) << name;
    EXPECT_EQ(++seen_[std::string(name)], 1) << name;
  }

  std::map<std::string, int> seen_;
};

TEST_P(ChannelContractTest, MetricsCanBeReadInEveryState) {
  const auto channel = home->create({});
  NameSink before_start;
  channel->collect(before_start);
  ASSERT_TRUE(channel->start().has_value());
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  const auto taken = take(*channel, 1);
  NameSink while_running;
  channel->collect(while_running);
  taken->rollback();
  channel->stop();
  NameSink after_stop;
  channel->collect(after_stop);
}

TEST_P(ChannelContractTest, TellsWhereItsEventsAreInTheSameWords) {
  const auto channel = started();
  ASSERT_TRUE(put(*channel, {"a", "b"}));
  EXPECT_TRUE(test::eventually([&] {
    const test::RecordedMetrics now(*channel);
    return now.gauges.at("resident_events") + now.gauges.at("spilled_events") == 2 &&
           now.gauges.at("oldest_event_age_ns") > 0;
  }));
  const test::RecordedMetrics now(*channel);
  EXPECT_EQ(now.gauges.count("bytes"), 1U);
  EXPECT_GT(now.counters.at("memory_mode_ns_total") + now.counters.at("disk_mode_ns_total"), 0U);
  EXPECT_EQ(now.counters.count("switches_total"), 1U);
  channel->stop();
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChannelContractTest, testing::ValuesIn(test::channel_kinds()),
                         test::kind_name);

}  // namespace
}  // namespace spillway::channel
