// What is particular to the dual channel: when events move from memory to the log, that their order
// survives any number of moves, and what a crash takes.

#include "channel/dual_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/channel/dual_channel_fixture.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::bodies_of;
using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kPatience = std::chrono::minutes(1);

TEST_F(DualChannelTest, WhatIsTakenInTimeIsNeverWritten) {
  open();
  const auto written = [&] {
    return test::RecordedMetrics(*channel).counters.at("log_payload_bytes_total");
  };
  const std::uint64_t before = written();
  for (int i = 0; i < 100; ++i) {
    put({"a", "b", "c"});
    ASSERT_THAT(test::take_and_commit(*channel, 10), ElementsAre("a", "b", "c"));
  }
  EXPECT_EQ(written(), before);
  EXPECT_EQ(channel->spills(), 0U);
}

TEST_F(DualChannelTest, MovesEverythingOnceMemoryIsNearlyFull) {
  open();
  put({"1", "2", "3", "4"});
  EXPECT_EQ(gauge("resident_events"), 4);
  put({"5", "6", "7", "8"});
  EXPECT_TRUE(becomes("spilled_events", 8));
  EXPECT_TRUE(becomes("resident_events", 0));
  put({"9"});
  EXPECT_EQ(gauge("is_spilling"), 1);
  EXPECT_THAT(test::take_and_commit(*channel, 100),
              ElementsAre("1", "2", "3", "4", "5", "6", "7", "8", "9"))
      << "one take reaches across the boundary";
  EXPECT_TRUE(becomes("is_spilling", 0));
  EXPECT_EQ(channel->spills(), 1U);
}

TEST_F(DualChannelTest, BatchLargerThanTheMemoryIsWelcome) {
  open();
  ASSERT_TRUE(channel->put(test::numbered_batch("e", 50)).has_value());
  EXPECT_EQ(channel->size_events(), 50U);
  EXPECT_EQ(test::drain(*channel).size(), 50U);
}

TEST_F(DualChannelTest, EventLargerThanTheSlotsOfTheMemoryIsWelcome) {
  adapt = [](DualChannelOptions& options) { options.memory_slots = 10; };
  open();
  const std::string large(10 * kMemorySlotBytes + 1, 'x');
  put({large});
  EXPECT_THAT(test::drain(*channel), ElementsAre(large));
}

TEST_F(DualChannelTest, OldEventsMoveThoughThereIsRoom) {
  open(milliseconds(20));
  put({"a", "b"});
  EXPECT_TRUE(becomes("spilled_events", 2));
  EXPECT_THAT(after_crash(), ElementsAre("a", "b"));
}

TEST_F(DualChannelTest, EventsInASinksHandsMoveTooAndTheSinksWordCounts) {
  open(milliseconds(20));
  put({"done", "again"});
  auto done = std::move(channel->take(1, kNoWait).value());
  auto again = std::move(channel->take(1, kNoWait).value());
  EXPECT_TRUE(eventually([&] {
    return test::RecordedMetrics(*channel).counters.at("moved_taken_events_total") == 2;
  }));
  EXPECT_THAT(bodies_of(done->events()), ElementsAre("done"));
  EXPECT_THAT(test::drain(*channel), IsEmpty());
  ASSERT_TRUE(done->commit().has_value());
  again->rollback();
  EXPECT_EQ(channel->size_events(), 1U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("again"));
}

TEST_F(DualChannelTest, ACrashWhileASinkHoldsOldEventsLosesNothing) {
  open(milliseconds(20));
  put({"a", "b"});
  const auto held = std::move(channel->take(2, kNoWait).value());
  EXPECT_TRUE(eventually([&] {
    return test::RecordedMetrics(*channel).counters.at("moved_taken_events_total") == 2;
  }));
  disk->crash_now();
  const auto after = disk->crash_image(
      {.name = "nothing pending", .fates = std::vector(disk->pending().size(), test::Fate::kLost)});
  held->rollback();
  FileChannel reopened(test::small_file_channel("/c1", {}), *after, clock);
  ASSERT_TRUE(reopened.start().has_value());
  EXPECT_THAT(test::drain(reopened), ElementsAre("a", "b"));
  reopened.stop();
}

TEST_F(DualChannelTest, ACrashTakesTheNewestPartOnly) {
  open();
  for (int i = 0; i < 8; ++i) put({std::to_string(i)});
  EXPECT_TRUE(becomes("spilled_events", 8));
  put({"young"});  // may be moved as the last of the same move
  const std::vector<std::string> kept = after_crash();
  const std::vector<std::string> all{"0", "1", "2", "3", "4", "5", "6", "7", "young"};
  ASSERT_GE(kept.size(), 8U);
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), all.begin()));
}

TEST_F(DualChannelTest, CleanStopKeepsWhatIsInMemory) {
  open();
  put({"a", "b"});
  EXPECT_EQ(gauge("resident_events"), 2);
  channel->stop();
  open();
  EXPECT_EQ(channel->size_events(), 2U);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
}

TEST_F(DualChannelTest, ForcedSpillingSendsEverythingToTheLogUntilItIsOver) {
  open();
  channel->force_spilling(true);
  put({"a"});
  EXPECT_TRUE(becomes("spilled_events", 1));
  channel->force_spilling(false);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a"));
  EXPECT_TRUE(becomes("is_spilling", 0));
  put({"b"});
  EXPECT_EQ(gauge("resident_events"), 1);
}

TEST_F(DualChannelTest, SinkThatIsDeadForAWhileFindsEverythingInOrderAndMemoryStaysBounded) {
  constexpr std::uint64_t kEvents = 20'000;
  open(milliseconds(20), kPatience, kEvents);
  std::vector<std::string> all{"in its hands"};
  put(all);
  const auto dead = std::move(channel->take(1, kNoWait).value());
  while (all.size() < kEvents) {
    const std::string next = std::to_string(all.size());
    put({next});
    all.push_back(next);
    if (all.size() % 1000 == 0) {
      ASSERT_LE(gauge("resident_events"), 10);
    }
  }
  dead->rollback();
  EXPECT_EQ(test::drain(*channel), all);
  EXPECT_TRUE(becomes("is_spilling", 0));
}

// 1 000 cycles of memory, log and back, with rollbacks; order and number of all events checked.
TEST_F(DualChannelTest, AThousandSpillsLoseDoubleAndReorderNothing) {
  open();
  Random random(5);
  std::uint64_t next_put = 0;
  std::uint64_t next_taken = 0;
  while (channel->spills() < 1000) {
    for (int i = 0; i < 4; ++i) {
      EventBatch batch;
      for (std::uint64_t n = random.between(2, 5); n > 0; --n) {
        batch.add(std::to_string(next_put++));
      }
      ASSERT_TRUE(channel->put(batch).has_value());
    }
    while (next_taken < next_put) {
      const auto taken = std::move(channel->take(random.between(1, 20), kNoWait).value());
      ASSERT_FALSE(taken->events().empty());
      std::uint64_t expected = next_taken;
      for (const EventView& event : taken->events()) {
        ASSERT_EQ(event.body(), std::to_string(expected++));
      }
      if (random.one_in(4)) {
        taken->rollback();
        continue;
      }
      ASSERT_TRUE(taken->commit().has_value());
      next_taken = expected;
    }
  }
  EXPECT_EQ(channel->size_events(), 0U);
}

TEST_F(DualChannelTest, ProducersAndSlowConsumersKeepTheOrderThroughManySpills) {
  constexpr std::uint64_t kEvents = 100'000;
  open(milliseconds(5), kPatience);  // the consumer may be behind by the whole channel
  std::atomic<bool> is_put_failed{false};
  std::thread producer([&] {
    Random random(1);
    for (std::uint64_t next = 0; next < kEvents;) {
      EventBatch batch;
      for (std::uint64_t n = random.between(1, 9); n > 0 && next < kEvents; --n) {
        batch.add(std::to_string(next++));
      }
      const auto done = channel->put(batch);
      is_put_failed = !done.has_value();
      ASSERT_TRUE(done.has_value()) << to_string(done.error());
      if (random.one_in(50)) std::this_thread::yield();
    }
  });
  Random random(2);
  std::uint64_t next = 0;
  bool is_in_order = true;
  while (next < kEvents && is_in_order && !is_put_failed) {
    const auto taken = std::move(channel->take(random.between(1, 60), milliseconds(100)).value());
    std::uint64_t expected = next;
    for (const EventView& event : taken->events()) {
      is_in_order = is_in_order && event.body() == std::to_string(expected++);
    }
    if (random.one_in(200)) test::give_way();
    if (random.one_in(8)) continue;  // rolled back
    ASSERT_TRUE(taken->commit().has_value());
    next = expected;
  }
  EXPECT_TRUE(is_in_order) << "behind event " << next;
  if (!is_in_order) channel->stop();  // ends the producer
  producer.join();
  EXPECT_EQ(channel->size_events(), 0U);
  EXPECT_GT(channel->spills(), 10U);
}

}  // namespace
}  // namespace spillway::channel
