// A dual channel whose log refuses: a full disk, a limit, a device that fails, in the middle of a
// move, at a stop, and for acknowledgements. Nothing is lost, doubled or out of order.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/channel/dual_channel_fixture.h"
#include "tests/support/disk_errors.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::bodies_of;
using test::eventually;
using testing::ElementsAre;

using DualChannelRefusalsTest = DualChannelTest;

TEST_F(DualChannelRefusalsTest, LogThatRefusesLeavesEventsInMemoryForTheSinks) {
  open(milliseconds(20));
  disk->set_capacity(0);
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  {.code = Errc::kNoSpace, .what = "full"});
  put({"a", "b", "c"});
  EXPECT_TRUE(eventually([&] {
    return test::RecordedMetrics(*channel).counters.at("refused_moves_total") > 0 ||
           channel->is_failed();
  }));
  EXPECT_THAT(test::take_and_commit(*channel, 10), ElementsAre("a", "b", "c"));
  disk->clear_faults();
}

TEST_F(DualChannelRefusalsTest, LogThatRefusesWhatASinkHasLeavesItInMemory) {
  open(milliseconds(20));
  put({"a", "b"});
  auto taken = std::move(channel->take(2, kNoWait).value());
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  test::kFull);
  EXPECT_TRUE(eventually(
      [&] { return test::RecordedMetrics(*channel).counters.at("refused_moves_total") > 0; }));
  taken->rollback();
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  EXPECT_EQ(channel->size_events(), 0U);
  disk->clear_faults();
}

TEST_F(DualChannelRefusalsTest, LogThatFailsInALongMoveLosesNothing) {
  memory_events = 1000;
  open();
  const std::vector<std::string> all = put_many(500);
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  {.code = Errc::kIo, .what = "broken"});
  channel->force_spilling(true);
  EXPECT_TRUE(eventually([&] { return channel->is_failed(); }));
  EXPECT_EQ(channel->put(batch_of({"refused"})).error().code, Errc::kIo);
  EXPECT_EQ(test::drain(*channel), all);
  disk->clear_faults();
}

// What the log drops must stay the newest of the move: nothing may be put behind it.
TEST_F(DualChannelRefusalsTest, DiskThatIsFullForOneWriteOfALongMoveLosesNothing) {
  memory_events = 1000;
  adapt = [](DualChannelOptions& options) { options.log_events = 500; };  // given back at once
  for (std::size_t failed = 1; failed <= 20; ++failed) {
    SCOPED_TRACE("write " + std::to_string(failed));
    disk = std::make_unique<test::SimDisk>(test::SimOptions{.is_slow = true});
    open();
    const std::vector<std::string> all = put_many(500);
    std::atomic<std::size_t> writes{0};
    disk->fail_when(
        [&](const test::SimCall& call) { return is_block_of_events(call) && ++writes == failed; },
        test::kFull);
    EXPECT_TRUE(eventually([&] {
      channel->force_spilling(true);  // wakes the mover
      return gauge("spilled_events") == 500;
    }));
    disk->clear_faults();
    ASSERT_EQ(test::drain(*channel), all);
    EXPECT_EQ(channel->size_events(), 0U);
    channel->stop();
  }
}

TEST_F(DualChannelRefusalsTest, WhatTheLogCanNeverTakeIsRefusedAtOnce) {
  adapt = [](DualChannelOptions& options) {
    options.memory_events = 1000;
    options.log.bytes_max = 600 * kKiB;
  };
  open();
  put({"before"});
  const auto large = channel->put(batch_of({std::string(700'000, 'x')}));
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, Errc::kTooLarge);
  channel->stop();
  adapt = [](DualChannelOptions&) {};
  open();
  const auto huge = channel->put(batch_of({"first of two", std::string(1'100'000, 'x')}));
  ASSERT_FALSE(huge.has_value());
  EXPECT_EQ(huge.error().code, Errc::kTooLarge) << "more than a segment";
  EXPECT_EQ(channel->size_events(), 1U);
  put({"behind"});
  channel->stop();
  open();
  EXPECT_THAT(test::drain(*channel), ElementsAre("before", "behind"));
}

TEST_F(DualChannelRefusalsTest, BatchLargerThanTheRoomOfTheLogMovesOnceTheLogIsEmpty) {
  adapt = [](DualChannelOptions& options) { options.log_events = 5; };
  open(milliseconds(20));
  put({"1", "2", "3"});
  channel->force_spilling(true);
  EXPECT_TRUE(becomes("spilled_events", 3));
  ASSERT_TRUE(channel->put(test::numbered_batch("e", 7)).has_value());
  EXPECT_EQ(test::take_and_commit(*channel, 3).size(), 3U);
  EXPECT_TRUE(becomes("spilled_events", 7));
  EXPECT_EQ(test::drain(*channel).size(), 7U);
}

// ---- what a stop does with the events in memory

TEST_F(DualChannelRefusalsTest, CleanStopTakesMoreBytesThanMaxBytes) {
  memory_events = 1000;
  adapt = [](DualChannelOptions& options) { options.log.bytes_max = kMiB; };
  open();
  const std::vector<std::string> all = put_many(500);
  channel->stop();
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

TEST_F(DualChannelRefusalsTest, CleanStopUsesTheSpaceThatIsKeptFree) {
  adapt = [](DualChannelOptions& options) { options.log.log.free_bytes_min = 512 * kMiB; };
  open(milliseconds(20));
  disk->set_capacity(256 * kMiB);  // somebody else has filled it
  std::vector<std::string> all;
  const auto is_refused = [&] {
    return test::RecordedMetrics(*channel).counters.at("refused_moves_total") > 0;
  };
  while (!is_refused()) {  // which begins when the background thread has looked
    all.push_back(std::to_string(all.size()));
    put({all.back()});
    ASSERT_TRUE(eventually([&] { return is_refused() || gauge("resident_events") == 0; }));
  }
  channel->stop();
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

TEST_F(DualChannelRefusalsTest, CleanStopTriesAgainWhatWasRefusedOnce) {
  memory_events = 1000;
  open();
  const std::vector<std::string> all = put_many(100);
  disk->fail_when(is_block_of_events, test::kFull, test::SimDisk::Repeat::kOnce);
  channel->stop();
  disk->clear_faults();
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

TEST_F(DualChannelRefusalsTest, CleanStopGetsDrainedSegmentsBackFromAFullDisk) {
  memory_events = 1000;
  open();
  const std::vector<std::string> first = put_many(500);
  channel->force_spilling(true);
  EXPECT_TRUE(becomes("spilled_events", 500));
  channel->force_spilling(false);
  EXPECT_EQ(test::drain(*channel), first);
  const std::vector<std::string> all = put_many(400);
  disk->set_capacity(0);
  channel->stop();
  disk->set_capacity(kGiB);
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

// ---- acknowledgements of what was moved

TEST_F(DualChannelRefusalsTest, CommitThatTheLogRefusesGivesEverythingBackInOrder) {
  adapt = [](DualChannelOptions& options) { options.log.ack_durability = AckDurability::kStrict; };
  open();
  put({"1", "2"});
  channel->force_spilling(true);
  EXPECT_TRUE(becomes("spilled_events", 2));
  channel->force_spilling(false);
  EXPECT_TRUE(becomes("resident_events", 0));
  put({"3"});
  auto taken = std::move(channel->take(10, kNoWait).value());
  ASSERT_THAT(bodies_of(taken->events()), ElementsAre("1", "2", "3"));
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  test::kFull);
  EXPECT_EQ(taken->commit().error().code, Errc::kNoSpace);
  disk->clear_faults();
  EXPECT_EQ(channel->size_events(), 3U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("1", "2", "3"));
  channel->stop();
  EXPECT_EQ(channel->size_events(), 0U) << "of a channel that is stopped nobody knows";
}

TEST_F(DualChannelRefusalsTest, AcknowledgementThatCannotBeWrittenBringsMovedEventsBackOnce) {
  adapt = [](DualChannelOptions& options) { options.log.ack_durability = AckDurability::kStrict; };
  open(milliseconds(20));
  put({"a", "b"});
  auto taken = std::move(channel->take(2, kNoWait).value());
  EXPECT_TRUE(eventually([&] {
    return test::RecordedMetrics(*channel).counters.at("moved_taken_events_total") == 2;
  }));
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  test::kFull);
  static_cast<void>(taken->commit());
  disk->clear_faults();
  EXPECT_EQ(channel->size_events(), 2U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b")) << "as after a crash";
  EXPECT_EQ(channel->size_events(), 0U);
}

}  // namespace
}  // namespace spillway::channel
