// Sinks take from an offline channel as from any other: what they give back comes again, what they
// acknowledge never does, also after a new start with the same state.
#include "agent/recover/replay_channel.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/stored_channel.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent::recover {
namespace {

using std::chrono::milliseconds;
using test::EventBodies;

class ReplayChannelTest : public testing::Test {
 protected:
  void store(int count) {
    stored_.put_numbered(static_cast<std::uint64_t>(count));
    stored_.stop();
  }
  /// As the command does at its start.
  void open(std::uint64_t rate = 0) {
    channel_.reset();
    source_ = std::make_unique<OfflineChannel>();
    const ChannelDirs dirs{.checkpoint_dir = stored_.file("checkpoint"),
                           .data_dirs = {stored_.file("data")}};
    ASSERT_FALSE(open_channel(dirs, nullptr, *source_).has_value());
    state_ = std::make_unique<ReplayState>(out_.file("state"), source_->log.channel_id);
    ASSERT_TRUE(state_->load().has_value());
    source_->log.acks.add({.first = {1}, .end = state_->done().below()});
    for (const auto& range : state_->done().ranges()) source_->log.acks.add(range);
    reader_ = std::move(EventReader::open(*source_, filter_).value());
    ended_ = std::make_unique<StopSignal>();
    channel_ = std::make_unique<ReplayChannel>(
        *reader_, *state_, rate, source_->log.end.next_sequence,
        ReplayChannel::Hooks{.ended = ended_.get(), .find_obstacle = [this] { return obstacle_; }},
        clock_);
  }
  std::unique_ptr<channel::TakeTransaction> take(std::size_t count) {
    return std::move(channel_->take(count, milliseconds(0)).value());
  }
  static EventBodies bodies(const channel::TakeTransaction& taken) {
    return test::bodies_of(taken.events());
  }

  test::StoredChannel stored_;
  test::TempDir out_;
  test::FakeClock clock_;
  EventFilter filter_;
  std::string obstacle_;
  std::unique_ptr<OfflineChannel> source_;
  std::unique_ptr<ReplayState> state_;
  std::unique_ptr<EventReader> reader_;
  std::unique_ptr<StopSignal> ended_;
  std::unique_ptr<ReplayChannel> channel_;
};

TEST_F(ReplayChannelTest, EndsWhenEverythingIsAcknowledged) {
  store(3);
  open();
  auto first = take(2);
  EXPECT_EQ(bodies(*first), (EventBodies{"e1", "e2"}));
  auto second = take(2);
  EXPECT_EQ(bodies(*second), (EventBodies{"e3"}));
  EXPECT_TRUE(take(2)->events().empty());
  ASSERT_TRUE(second->commit().has_value());
  EXPECT_FALSE(ended_->is_requested());
  ASSERT_TRUE(first->commit().has_value());
  EXPECT_TRUE(ended_->is_requested());
  EXPECT_TRUE(channel_->is_complete());
  EXPECT_EQ(channel_->sent_events(), 3U);
}

TEST_F(ReplayChannelTest, WhatIsGivenBackComesAgainInOrder) {
  store(6);
  open();
  auto first = take(2);
  auto second = take(2);
  second->rollback();
  first->rollback();
  EXPECT_EQ(bodies(*take(1)), (EventBodies{"e1"})) << "and is given back when it is dropped";
  EXPECT_EQ(channel_->size_events(), 4U);
  EXPECT_EQ(test::drain(*channel_), (EventBodies{"e1", "e2", "e3", "e4", "e5", "e6"}));
  EXPECT_TRUE(channel_->is_complete());
}

TEST_F(ReplayChannelTest, NewStartLeavesOutWhatWasAcknowledged) {
  store(6);
  open();
  auto first = take(2);
  auto second = take(2);
  ASSERT_TRUE(second->commit().has_value());  // 3 and 4, before 1 and 2
  first.reset();
  open();
  EXPECT_EQ(test::drain(*channel_), (EventBodies{"e1", "e2", "e5", "e6"}));
  open();
  EXPECT_TRUE(take(1)->events().empty());
  EXPECT_TRUE(channel_->is_complete());
}

TEST_F(ReplayChannelTest, RateIsKept) {
  store(100);
  open(20);
  EXPECT_EQ(take(50)->events().size(), 2U) << "a tenth of a second";
  open(20);
  std::size_t events = 0;
  for (int i = 0; i < 40; ++i) {  // two seconds
    events += test::take_and_commit(*channel_, 50).size();
    clock_.advance(milliseconds(50));
  }
  EXPECT_EQ(events, 40U);
}

TEST_F(ReplayChannelTest, StateThatCannotBeWrittenEndsIt) {
  store(3);
  open();
  std::filesystem::create_directory(out_.path() / "state.tmp");
  auto taken = take(2);
  EXPECT_FALSE(taken->commit().has_value());
  EXPECT_TRUE(ended_->is_requested());
  EXPECT_NE(channel_->problem().find("will be sent again"), std::string::npos)
      << channel_->problem();
  EXPECT_EQ(channel_->take(1, milliseconds(0)).error().code, Errc::kClosed);
}

TEST_F(ReplayChannelTest, AgentThatStartsEndsIt) {
  store(3);
  open();
  test::take_and_commit(*channel_, 1);
  obstacle_ = "in use";
  clock_.advance(milliseconds(1100));
  EXPECT_EQ(channel_->take(1, milliseconds(0)).error().code, Errc::kClosed);
  EXPECT_EQ(channel_->problem(), "in use");
  EXPECT_FALSE(channel_->is_complete());
}

TEST_F(ReplayChannelTest, NothingIsPut) {
  store(1);
  open();
  EXPECT_EQ(channel_->put(test::batch_of({"x"})).error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace spillway::agent::recover
