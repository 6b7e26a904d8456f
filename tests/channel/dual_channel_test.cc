// What is particular to the dual channel: when events move from memory to the log, that their order
// survives any number of moves, and what a crash takes.

#include "channel/dual_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::bodies_of;
using test::eventually;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kNoWait{0};
constexpr milliseconds kPatience = std::chrono::minutes(1);
constexpr milliseconds kNever = std::chrono::hours(1);

struct DualChannelTest : testing::Test {
  std::unique_ptr<test::SimDisk> disk = std::make_unique<test::SimDisk>();
  SystemClock clock;
  std::unique_ptr<DualChannel> channel;
  std::uint64_t openings = 0;

  // Memory for 10 events, 8 of which are too many.
  std::uint64_t memory_events = 10;
  std::function<void(DualChannelOptions&)> adapt = [](DualChannelOptions&) {};

  void open(milliseconds resident_max = kNever, milliseconds keep_alive = kNoWait,
            std::uint64_t capacity_events = 1000) {
    DualChannelOptions options;
    options.log = test::small_file_channel("/c1", {.capacity_events = capacity_events,
                                                   .transaction_capacity_events = 100,
                                                   .keep_alive = keep_alive});
    options.log.log.nonce_seed = ++openings;
    options.memory_events = memory_events;
    options.resident_max = resident_max;
    adapt(options);
    channel = std::make_unique<DualChannel>(std::move(options), *disk, clock);
    const auto started = channel->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }
  void put(const std::vector<std::string>& bodies) {
    const auto done = channel->put(batch_of(bodies));
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
  }
  // Of 5 KB each, one by one: more than one commit moves.
  std::vector<std::string> put_many(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::to_string(i) + std::string(5000, '.'));
      put({all.back()});
    }
    return all;
  }
  // The writes of blocks with events, not of slots being prepared.
  static bool is_block_of_events(const test::SimCall& call) {
    return call.kind == test::SimCallKind::kWrite && call.size_bytes < kMiB &&
           call.size_bytes > io::kBlockBytes && call.path.starts_with("/c1/data");
  }
  [[nodiscard]] double gauge(const char* name) const {
    return test::RecordedMetrics(*channel).gauges.at(name);
  }
  [[nodiscard]] bool becomes(const char* name, double value) const {
    return eventually([&] { return gauge(name) == value; });
  }
  // What a start after a crash of the machine finds.
  std::vector<std::string> after_crash() {
    disk->crash_now();
    auto after =
        disk->crash_image({.name = "nothing pending",
                           .fates = std::vector(disk->pending().size(), test::Fate::kLost)});
    channel->stop();
    disk = std::move(after);
    open();
    return test::drain(*channel);
  }
};

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

TEST_F(DualChannelTest, LogThatRefusesLeavesEventsInMemoryForTheSinks) {
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

TEST_F(DualChannelTest, LogThatFailsInALongMoveLosesNothing) {
  memory_events = 1000;
  open();
  const std::vector<std::string> all = put_many(500);
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  {.code = Errc::kIo, .what = "broken"});
  channel->force_spilling(true);
  EXPECT_TRUE(eventually([&] { return channel->is_failed(); }));
  EXPECT_EQ(test::drain(*channel), all);
  disk->clear_faults();
}

// What the log drops must stay the newest of the move: nothing may be put behind it.
TEST_F(DualChannelTest, DiskThatIsFullForOneWriteOfALongMoveLosesNothing) {
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

TEST_F(DualChannelTest, WhatTheLogCanNeverTakeIsRefusedAtOnce) {
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

TEST_F(DualChannelTest, BatchLargerThanTheRoomOfTheLogMovesOnceTheLogIsEmpty) {
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

TEST_F(DualChannelTest, CleanStopTakesMoreBytesThanMaxBytes) {
  memory_events = 1000;
  adapt = [](DualChannelOptions& options) { options.log.bytes_max = kMiB; };
  open();
  const std::vector<std::string> all = put_many(500);
  channel->stop();
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

TEST_F(DualChannelTest, CleanStopUsesTheSpaceThatIsKeptFree) {
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

TEST_F(DualChannelTest, CleanStopTriesAgainWhatWasRefusedOnce) {
  memory_events = 1000;
  open();
  const std::vector<std::string> all = put_many(100);
  disk->fail_when(is_block_of_events, test::kFull, test::SimDisk::Repeat::kOnce);
  channel->stop();
  disk->clear_faults();
  open();
  EXPECT_EQ(test::drain(*channel), all);
}

TEST_F(DualChannelTest, CleanStopGetsDrainedSegmentsBackFromAFullDisk) {
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

TEST_F(DualChannelTest, AcknowledgementThatCannotBeWrittenBringsMovedEventsBackOnce) {
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
