// When a sink's commit is durable: with lazy acknowledgements soon, with strict ones before it
// returns, and a strict commit that fails gives the events back.
//
// Power loss at every call: tests/crash/crash_points_test.cc.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/sim_disk.h"

namespace spillway::channel {
namespace {

using test::kBroken;

class AckDurabilityTest : public testing::Test {
 protected:
  void open(AckDurability acks, wal::Background background = wal::Background::kNone) {
    auto options = test::small_file_channel(
        "/c1", {.capacity_events = 10'000, .transaction_capacity_events = 100});
    options.ack_durability = acks;
    options.log.background = background;
    channel_ = std::make_unique<FileChannel>(std::move(options), *disk_, clock_);
    const auto started = channel_->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }

  /// Of what was not durable nothing survives.
  void lose_power() {
    disk_->crash_now();
    const test::Survivors none{.name = "none",
                               .fates = std::vector(disk_->pending().size(), test::Fate::kLost)};
    auto after = disk_->crash_image(none);
    channel_->stop();
    channel_ = nullptr;
    disk_ = std::move(after);
  }

  void put(std::size_t count) {
    ASSERT_TRUE(channel_->put(test::numbered_batch("e", count)).has_value());
  }

  void fail_writes(std::string path_prefix) {
    disk_->fail_when(
        [path_prefix](const test::SimCall& call) {
          return call.kind == test::SimCallKind::kWrite && call.path.starts_with(path_prefix);
        },
        kBroken);
  }

  std::unique_ptr<TakeTransaction> take(std::size_t count) {
    return std::move(channel_->take(count, std::chrono::milliseconds(0)).value());
  }

  test::FakeClock clock_;
  std::unique_ptr<test::SimDisk> disk_ = std::make_unique<test::SimDisk>();
  std::unique_ptr<FileChannel> channel_;
};

TEST_F(AckDurabilityTest, LazyAcknowledgementRidesInTheNextBlock) {
  open(AckDurability::kLazy);
  put(4);
  EXPECT_EQ(test::take_and_commit(*channel_, 3).size(), 3U);
  lose_power();
  open(AckDurability::kLazy);
  EXPECT_EQ(test::drain(*channel_).size(), 4U) << "it was in memory only";
}

TEST_F(AckDurabilityTest, StrictAcknowledgementIsDurableWhenTheCommitReturns) {
  open(AckDurability::kStrict);
  put(4);
  const std::uint64_t blocks = channel_->log_metrics().blocks.value();
  EXPECT_EQ(test::take_and_commit(*channel_, 3).size(), 3U);
  EXPECT_EQ(channel_->log_metrics().blocks.value(), blocks + 1);
  lose_power();
  open(AckDurability::kLazy);
  EXPECT_EQ(test::drain(*channel_), test::EventBodies{"e3"});
}

TEST_F(AckDurabilityTest, StrictCommitOfNothingWritesNothing) {
  open(AckDurability::kStrict);
  const std::uint64_t blocks = channel_->log_metrics().blocks.value();
  EXPECT_TRUE(take(3)->commit().has_value());
  EXPECT_EQ(channel_->log_metrics().blocks.value(), blocks);
}

TEST_F(AckDurabilityTest, LogThatCannotBeWrittenLeavesTheManifest) {
  open(AckDurability::kStrict);
  put(4);
  fail_writes("/c1/data");
  EXPECT_EQ(test::take_and_commit(*channel_, 3).size(), 3U);
  lose_power();
  open(AckDurability::kLazy);
  EXPECT_EQ(test::drain(*channel_), test::EventBodies{"e3"});
}

TEST_F(AckDurabilityTest, CommitThatCannotBeMadeDurableGivesTheEventsBack) {
  open(AckDurability::kStrict);
  put(4);
  EXPECT_EQ(test::take_and_commit(*channel_, 1), test::EventBodies{"e0"});
  fail_writes("/c1");
  auto first = take(1);
  auto second = take(1);
  EXPECT_EQ(second->commit().error().code, Errc::kIo);
  EXPECT_EQ(first->commit().error().code, Errc::kIo);
  EXPECT_EQ(channel_->size_events(), 3U);
  EXPECT_EQ(channel_->counters().take_successes.value(), 1U);
  EXPECT_EQ(channel_->counters().take_errors.value(), 2U);
  EXPECT_EQ(test::bodies_of(take(10)->events()), (test::EventBodies{"e1", "e2", "e3"}));
  disk_->clear_faults();
  // The manifest works again, and says what is acknowledged: nothing of what failed.
  ASSERT_TRUE(channel_->checkpoint().has_value());
  EXPECT_EQ(test::take_and_commit(*channel_, 1), test::EventBodies{"e1"});
  lose_power();
  open(AckDurability::kLazy);
  EXPECT_EQ(test::drain(*channel_), (test::EventBodies{"e2", "e3"}));
}

// Consumers that commit at the same time share blocks with each other and with producers.
TEST_F(AckDurabilityTest, ManyStrictConsumersBesideAProducer) {
  open(AckDurability::kStrict, wal::Background::kThreads);
  constexpr std::size_t kEvents = 3000;
  std::atomic<std::size_t> taken{0};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    for (std::size_t i = 0; i < kEvents / 10; ++i) put(10);
  });
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (taken.load() < kEvents) {
        auto some = channel_->take(7, std::chrono::milliseconds(1));
        ASSERT_TRUE(some.has_value());
        const std::size_t count = some.value()->events().size();
        ASSERT_TRUE(some.value()->commit().has_value());
        taken.fetch_add(count);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken.load(), kEvents);
  lose_power();
  open(AckDurability::kLazy);
  EXPECT_TRUE(test::drain(*channel_).empty());
}

}  // namespace
}  // namespace spillway::channel
