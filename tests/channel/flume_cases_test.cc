// The behaviours that Flume's file channel tests assert, held against ours: transactions, restarts
// and checkpoints. Each test names the case it answers. Damage and faults:
// flume_damage_cases_test.cc.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/file_channel_on_disk.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::EventBodies;
using testing::ElementsAre;
using testing::IsEmpty;

EventBodies numbered(std::string_view prefix, std::size_t begin, std::size_t end) {
  EventBodies bodies;
  for (std::size_t i = begin; i < end; ++i)
    bodies.push_back(std::string(prefix) + std::to_string(i));
  return bodies;
}

// Five of these fill a segment of the test's size.
std::string large(const std::string& name) {
  return name + std::string(50'000, '.');
}

struct FlumeCasesTest : testing::Test {
  test::FileChannelOnDisk on;

  void SetUp() override { on.open(); }
};

// TestFileChannel.testFailAfterTakeBeforeCommit, TestFileChannelRollback (crash with a sink
// mid-take)
TEST_F(FlumeCasesTest, CrashReturnsWhatOpenTransactionsHeld) {
  ASSERT_TRUE(on.put({"a", "b", "c", "d", "e"}));
  {
    const auto two = on.take(2);
    const auto three = on.take(3);
    ASSERT_EQ(three->events().size(), 3U);
    on.checkpoint();
    on.disk().crash_now();
  }
  on.crash_and_open();
  EXPECT_EQ(on.channel().size_events(), 5U);
  EXPECT_THAT(on.drain(), ElementsAre("a", "b", "c", "d", "e"));
}

// TestFileChannel.testFailAfterPutCheckpointCommit: a put is one call here, so it lies on one side
TEST_F(FlumeCasesTest, PutsOnBothSidesOfACheckpointSurvive) {
  ASSERT_TRUE(on.put({"a", "b", "c"}));
  on.checkpoint();
  ASSERT_TRUE(on.put({"d", "e", "f"}));
  on.crash_and_open();
  EXPECT_THAT(on.drain(), ElementsAre("a", "b", "c", "d", "e", "f"));
}

// TestFileChannel.testReconfigure
TEST_F(FlumeCasesTest, FullChannelSurvivesAChangeOfItsLimits) {
  on.limits = {.capacity_events = 50, .transaction_capacity_events = 10};
  on.reopen();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(on.put(numbered("e", 0, 10)));
  const auto full = on.channel().put(batch_of({"more"}));
  ASSERT_EQ(full.error().code, Errc::kFull);
  EXPECT_STREQ(full.error().what,
               "channel has no room within keep-alive: capacity reached, "
               "its sinks may not be keeping up");

  on.limits = {.capacity_events = 20, .transaction_capacity_events = 20};
  on.reopen();
  EXPECT_EQ(on.channel().size_events(), 50U);
  EXPECT_EQ(on.take_and_commit(20).size(), 20U);
  EXPECT_FALSE(on.put({"more"}));  // 30 of 20
  EXPECT_EQ(on.take_and_commit(20).size(), 20U);
  EXPECT_TRUE(on.put({"more"}));
  EXPECT_EQ(on.drain().size(), 11U);
}

// TestFileChannel.testCommitAfterNoPutTake, TestLog (commit and rollback without operations),
// TestFileChannelRollback (rollback with nothing)
TEST_F(FlumeCasesTest, EmptyTransactionsLeaveNothingBehind) {
  ASSERT_TRUE(on.take(1)->commit().has_value());
  on.take(1)->rollback();
  ASSERT_TRUE(on.put({}));
  on.reopen();
  EXPECT_EQ(on.channel().size_events(), 0U);
  EXPECT_THAT(on.take(1)->events(), IsEmpty());
}

// TestFileChannel.testCapacity
TEST_F(FlumeCasesTest, TakeAndRollbackFreeNoRoom) {
  on.limits = {.capacity_events = 5, .transaction_capacity_events = 5};
  on.reopen();
  ASSERT_TRUE(on.put({"a", "b", "c", "d", "e"}));
  on.take(1)->rollback();
  EXPECT_EQ(on.channel().put(batch_of({"f"})).error().code, Errc::kFull);
  EXPECT_THAT(on.drain(), ElementsAre("a", "b", "c", "d", "e"));
}

// TestFileChannel.testRaceFoundInFLUME1432: the put that uses the room which a take has freed
TEST_F(FlumeCasesTest, RoomFreedByATakeIsCountedOnceAfterACrash) {
  on.limits = {.capacity_events = 1, .transaction_capacity_events = 1};
  on.reopen();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(on.put({"old"}));
    ASSERT_EQ(on.take_and_commit(1).size(), 1U);
  }
  ASSERT_TRUE(on.put({"last"}));
  on.crash_and_open();
  EXPECT_EQ(on.channel().size_events(), 1U);
  EXPECT_THAT(on.drain(), ElementsAre("last"));
}

// TestFileChannel.testTakeTransactionCrossingCheckpoint
TEST_F(FlumeCasesTest, TakeCommittedBehindACheckpointIsNotDeliveredAgain) {
  ASSERT_TRUE(on.put({"a", "b"}));
  {
    const auto taken = on.take(1);
    on.checkpoint();
    ASSERT_TRUE(taken->commit().has_value());
  }
  on.reopen();
  EXPECT_THAT(on.drain(), ElementsAre("b"));
}

// The same with a crash: an acknowledgement is durable once a later put is.
TEST_F(FlumeCasesTest, TakeCommittedBeforeALaterPutIsNotDeliveredAgainAfterACrash) {
  ASSERT_TRUE(on.put({"a", "b"}));
  {
    const auto taken = on.take(1);
    on.checkpoint();
    ASSERT_TRUE(taken->commit().has_value());
  }
  ASSERT_TRUE(on.put({"c"}));
  on.crash_and_open();
  EXPECT_THAT(on.drain(), ElementsAre("b", "c"));
}

// TestFileChannel.testPutForceCheckpointCommitReplay, testPutCheckpointCommitCheckpointReplay
TEST_F(FlumeCasesTest, EventIsThereOnceHoweverManyCheckpointsFollow) {
  ASSERT_TRUE(on.put({"a"}));
  on.checkpoint();
  on.crash_and_open();
  EXPECT_EQ(on.channel().size_events(), 1U);
  on.checkpoint();
  on.checkpoint();
  on.reopen();
  EXPECT_THAT(on.drain(), ElementsAre("a"));
}

// TestFileChannel.testReferenceCounts: segments are not reused while somebody may roll back
TEST_F(FlumeCasesTest, SegmentsOfOpenTransactionsAreNotReused) {
  EventBodies bodies;
  for (std::size_t i = 0; i < 15; ++i) {
    bodies.push_back(large("e" + std::to_string(i)));
    ASSERT_TRUE(on.put({bodies.back()}));
  }
  const auto held = on.take(5);
  ASSERT_EQ(held->events().size(), 5U);
  ASSERT_EQ(on.take_and_commit(10).size(), 10U);
  on.checkpoint();
  for (int i = 0; i < 30; ++i) {  // would overwrite every segment that is free
    ASSERT_TRUE(on.put({large("new")}));
    ASSERT_EQ(on.take_and_commit(1).size(), 1U);
  }
  on.checkpoint();
  held->rollback();
  EXPECT_EQ(on.drain(), EventBodies(bodies.begin(), bodies.begin() + 5));
}

// TestFileChannel.testRollbackIncompleteTransaction
TEST_F(FlumeCasesTest, RollbackOfManyTakesLeavesTheDepthAsItWas) {
  ASSERT_TRUE(on.put(numbered("e", 0, 100)));
  on.take(100)->rollback();
  EXPECT_EQ(on.channel().size_events(), 100U);
  on.reopen();
  EXPECT_EQ(on.channel().size_events(), 100U);
  EXPECT_EQ(on.drain(), numbered("e", 0, 100));
  EXPECT_EQ(on.channel().size_events(), 0U);
}

// TestFileChannelRestart: a full channel survives stop and start
TEST_F(FlumeCasesTest, FullChannelSurvivesARestart) {
  on.limits = {.capacity_events = 100, .transaction_capacity_events = 10};
  on.reopen();
  for (std::size_t i = 0; i < 100; i += 10) ASSERT_TRUE(on.put(numbered("e", i, i + 10)));
  on.reopen();
  EXPECT_FALSE(on.put({"more"}));
  EXPECT_EQ(on.drain(), numbered("e", 0, 100));
}

// TestLog: put and commit survives, put and take and commit is gone, a rolled back take returns
TEST_F(FlumeCasesTest, RestartKeepsExactlyWhatIsNotAcknowledged) {
  ASSERT_TRUE(on.put({"gone"}));
  ASSERT_THAT(on.take_and_commit(1), ElementsAre("gone"));
  ASSERT_TRUE(on.put({"returned", "kept"}));
  on.take(1)->rollback();
  on.reopen();
  EXPECT_THAT(on.drain(), ElementsAre("returned", "kept"));
}

// TestLog (roll), TestIntegration: segments come back while events flow, nothing is lost
TEST_F(FlumeCasesTest, SegmentsAreRecycledUnderTraffic) {
  constexpr std::size_t kEvents = 200;  // forty segments' worth
  std::atomic<bool> is_checkpointing{true};
  std::thread source([this] {
    for (std::size_t i = 0; i < kEvents;) {
      if (on.channel().put(batch_of({large(std::to_string(i))})).has_value()) ++i;
    }
  });
  std::thread checkpoints([&] {
    while (is_checkpointing) {
      on.checkpoint();
      std::this_thread::yield();
    }
  });
  std::size_t next = 0;
  const bool is_complete = test::eventually([&] {
    for (const std::string& body : on.take_and_commit(7)) {
      EXPECT_EQ(std::stoul(body), next);
      ++next;
    }
    return next == kEvents;
  });
  is_checkpointing = false;
  checkpoints.join();
  source.join();
  EXPECT_TRUE(is_complete) << next;
  on.checkpoint();
  EXPECT_LE(on.gauge("segments"), 2.0);
  EXPECT_LT(on.slot_paths().size(), 20U);
}

// TestLogFile (group commit): twenty threads commit, one device write makes many of them durable
TEST_F(FlumeCasesTest, ManyCommitsShareAWrite) {
  constexpr std::size_t kThreads = 20;
  const auto writes = [this] {
    std::size_t count = 0;
    for (const auto& call : on.disk().calls()) count += call.kind == test::SimCallKind::kSubmit;
    return count;
  };
  const std::size_t before = writes();
  on.disk().hold_writes();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] { EXPECT_TRUE(on.put({"e"})); });
  }
  EXPECT_TRUE(test::eventually(
      [this] { return on.channel().counters().put_attempts.value() == kThreads; }));
  test::give_way();  // from the counter into the log
  on.disk().release_writes();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(writes() - before, kThreads);
  EXPECT_EQ(on.drain().size(), kThreads);
}

// TestFileChannel.testLocking
TEST_F(FlumeCasesTest, SecondChannelOnTheSameDirectoriesIsLockedOut) {
  const auto second = on.create();
  EXPECT_EQ(second->start().error().code, Errc::kLocked);
  EXPECT_EQ(second->start().error().code, Errc::kLocked);  // may be tried again
  ASSERT_TRUE(on.put({"a"}));
  on.stop();
  ASSERT_TRUE(second->start().has_value());
  EXPECT_THAT(test::drain(*second), ElementsAre("a"));
  second->stop();
}

TEST_F(FlumeCasesTest, SharingOneDirectoryIsEnoughToBeLockedOut) {
  SystemClock clock;
  auto options = test::small_file_channel("/c2", on.limits);
  options.data_dirs.emplace_back("/c1/data");
  FileChannel second(options, on.disk(), clock);
  EXPECT_EQ(second.start().error().code, Errc::kLocked);
  second.stop();
}

}  // namespace
}  // namespace spillway::channel
