// What a source may rely on: success means every required channel has the whole batch; optional
// channels never fail it.

#include "agent/channel_processor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/selectors/replicating_selector.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_channel.h"

namespace spillway::agent {
namespace {

using test::batch_of;
using test::FakeChannel;
using testing::ElementsAre;
using testing::IsEmpty;

struct ChannelProcessorTest : testing::Test {
  ChannelProcessorTest() {
    for (const char* name : {"c0", "c1", "c2"}) {
      auto channel = std::make_unique<FakeChannel>(/*capacity=*/10);
      fakes.push_back(channel.get());
      live.push_back(std::make_unique<LiveChannel>(name, "fake", std::move(channel)));
    }
  }
  void start_all() {
    for (const auto& channel : live) ASSERT_TRUE(channel->start().has_value());
  }
  ChannelProcessor replicating(Route route) {
    return {"r1", targets(), std::make_unique<ReplicatingSelector>(std::move(route))};
  }
  std::vector<LiveChannel*> targets() { return {live[0].get(), live[1].get(), live[2].get()}; }

  std::vector<FakeChannel*> fakes;
  std::vector<std::unique_ptr<LiveChannel>> live;
};

TEST_F(ChannelProcessorTest, EveryRequiredChannelGetsTheWholeBatch) {
  start_all();
  auto processor = replicating({.required = {0, 2}, .optional = {}});
  ASSERT_TRUE(processor.receive(batch_of({"a", "b"})).has_value());
  EXPECT_THAT(fakes[0]->bodies(), ElementsAre("a", "b"));
  EXPECT_THAT(fakes[1]->bodies(), IsEmpty());
  EXPECT_THAT(fakes[2]->bodies(), ElementsAre("a", "b"));
}

TEST_F(ChannelProcessorTest, RequiredFailureIsTheSourcesToHandleAndStopsThere) {
  start_all();
  fakes[1]->fail_puts(1);
  auto processor = replicating({.required = {0, 1, 2}, .optional = {}});
  const auto received = processor.receive(batch_of({"a"}));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, Errc::kFull);
  EXPECT_THAT(fakes[0]->bodies(), ElementsAre("a"));  // committed before: duplicated by the retry
  EXPECT_EQ(fakes[2]->put_count(), 0);
}

TEST_F(ChannelProcessorTest, OptionalFailureIsNotTheSources) {
  start_all();
  fakes[1]->fail_puts(1);
  auto processor = replicating({.required = {0}, .optional = {1, 2}});
  EXPECT_TRUE(processor.receive(batch_of({"a"})).has_value());
  EXPECT_THAT(fakes[0]->bodies(), ElementsAre("a"));
  EXPECT_THAT(fakes[1]->bodies(), IsEmpty());
  EXPECT_THAT(fakes[2]->bodies(), ElementsAre("a"));
}

TEST_F(ChannelProcessorTest, OptionalChannelIsNotTriedBeforeTheRequiredOnesCommitted) {
  start_all();
  fakes[0]->fail_puts(1);
  auto processor = replicating({.required = {0}, .optional = {1}});
  EXPECT_FALSE(processor.receive(batch_of({"a"})).has_value());
  EXPECT_EQ(fakes[1]->put_count(), 0);
}

TEST_F(ChannelProcessorTest, OptionalChannelThatHasNotStartedIsLeftAlone) {
  ASSERT_TRUE(live[0]->start().has_value());
  auto processor = replicating({.required = {0}, .optional = {1}});
  EXPECT_TRUE(processor.receive(batch_of({"a"})).has_value());
  EXPECT_EQ(fakes[1]->put_count(), 0);
}

TEST_F(ChannelProcessorTest, RequiredChannelThatHasNotStartedIsClosed) {
  auto processor = replicating({.required = {0}, .optional = {}});
  const auto received = processor.receive(batch_of({"a"}));
  ASSERT_FALSE(received.has_value());
  EXPECT_EQ(received.error().code, Errc::kClosed);
  EXPECT_EQ(fakes[0]->put_count(), 0);
}

TEST_F(ChannelProcessorTest, EmptyBatchReachesNoChannel) {
  auto processor = replicating({.required = {0}, .optional = {}});
  EXPECT_TRUE(processor.receive(channel::EventBatch()).has_value());
  EXPECT_EQ(fakes[0]->put_count(), 0);
}

// Routes by the first letter of the body: "0…" to channel 0, "1…" to channel 1, others nowhere.
class FirstLetterSelector final : public ChannelSelector {
 public:
  const Route& route(const channel::EventView& event) override {
    if (event.body().starts_with('0')) return to_first_;
    return event.body().starts_with('1') ? to_second_ : nowhere_;
  }
  [[nodiscard]] Route reach() const override { return {.required = {0, 1}, .optional = {2}}; }

 private:
  const Route to_first_{.required = {0}, .optional = {2}};
  const Route to_second_{.required = {1}, .optional = {}};
  const Route nowhere_{};
};

TEST_F(ChannelProcessorTest, SelectorThatLooksAtEventsSplitsTheBatchInOrder) {
  start_all();
  ChannelProcessor processor("r1", targets(), std::make_unique<FirstLetterSelector>());
  ASSERT_TRUE(processor.receive(batch_of({"0a", "1a", "x", "0b"})).has_value());
  EXPECT_THAT(fakes[0]->bodies(), ElementsAre("0a", "0b"));
  EXPECT_THAT(fakes[1]->bodies(), ElementsAre("1a"));
  EXPECT_THAT(fakes[2]->bodies(), ElementsAre("0a", "0b"));
  EXPECT_EQ(fakes[0]->put_count(), 1);
}

// "0…" to the only channel, others nowhere.
class OneOrNoneSelector final : public ChannelSelector {
 public:
  const Route& route(const channel::EventView& event) override {
    return event.body().starts_with('0') ? somewhere_ : nowhere_;
  }
  [[nodiscard]] Route reach() const override { return somewhere_; }

 private:
  const Route somewhere_{.required = {0}, .optional = {}};
  const Route nowhere_{};
};

TEST_F(ChannelProcessorTest, BookmarkGoesWithWhatReachesTheOnlyChannel) {
  ChannelProcessor processor("r1", {live[0].get()}, std::make_unique<OneOrNoneSelector>());
  EXPECT_EQ(processor.bookmark("r1").error().code, Errc::kClosed) << "not started";
  start_all();
  EXPECT_EQ(processor.bookmark("r1").value(), std::nullopt);
  int place = 0;
  for (channel::EventBatch batch :
       {batch_of({"0a", "0b"}), batch_of({"0a", "x"}), batch_of({"x"})}) {
    batch.set_bookmark({.key = "r1", .value = std::to_string(++place)});
    ASSERT_TRUE(processor.receive(batch).has_value());
  }
  EXPECT_EQ(processor.bookmark("r1").value(), "2") << "the third batch reached no channel";
}

TEST_F(ChannelProcessorTest, SeveralChannelsHaveNoBookmarkInCommon) {
  start_all();
  auto processor = replicating({.required = {0, 1, 2}, .optional = {}});
  EXPECT_EQ(processor.bookmark("r1").error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace spillway::agent
