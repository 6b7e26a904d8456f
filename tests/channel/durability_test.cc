// When a put is durable, mode by mode: commit before it returns, async within the lag, os with the
// next sync; and what each can lose, to a power cut and to a crash of the process.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"

namespace spillway::channel {
namespace {

using test::kBroken;

class DurabilityTest : public testing::Test {
 protected:
  // Without threads nothing is written behind the test's back.
  void open(Durability durability) {
    auto options =
        test::small_file_channel("/c1", {.capacity_events = 10, .transaction_capacity_events = 10});
    options.keep_alive = std::chrono::milliseconds(0);
    options.durability = durability;
    options.log.background = wal::Background::kNone;
    channel_ = std::make_unique<FileChannel>(std::move(options), *disk_, clock_);
    const auto started = channel_->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }

  void put(const std::string& body) {
    ASSERT_TRUE(channel_->put(test::batch_of({body})).has_value());
  }

  /// What a start after the power loss finds.
  std::vector<std::string> after_power_loss(test::Fate fate) {
    disk_->crash_now();
    auto after = disk_->crash_image(
        {.name = "all alike", .fates = std::vector(disk_->pending().size(), fate)});
    channel_->stop();
    disk_ = std::move(after);
    open(Durability::kCommit);
    return test::drain(*channel_);
  }

  test::FakeClock clock_;
  std::unique_ptr<test::SimDisk> disk_ = std::make_unique<test::SimDisk>();
  std::unique_ptr<FileChannel> channel_;
};

using Bodies = std::vector<std::string>;

TEST_F(DurabilityTest, CommitIsDurableWhenThePutReturns) {
  open(Durability::kCommit);
  put("a");
  EXPECT_EQ(after_power_loss(test::Fate::kLost), Bodies{"a"});
}

TEST_F(DurabilityTest, AsyncReturnsBeforeAnythingIsWritten) {
  open(Durability::kAsync);
  const std::uint64_t calls = disk_->call_count();
  put("a");
  EXPECT_EQ(disk_->call_count(), calls);
  EXPECT_EQ(after_power_loss(test::Fate::kLost), Bodies{});
}

TEST_F(DurabilityTest, AsyncPutWaitsOnceTheOldestIsTooOld) {
  open(Durability::kAsync);
  put("a");
  put("b");
  clock_.advance(std::chrono::milliseconds(11));
  put("c");
  EXPECT_EQ(after_power_loss(test::Fate::kLost), (Bodies{"a", "b"}));
}

TEST_F(DurabilityTest, CommitOfOneTransactionTakesEarlierOnesAlong) {
  open(Durability::kAsync);
  put("a");
  ASSERT_TRUE(channel_->put(test::batch_of({"b"}), Durability::kCommit).has_value());
  put("c");
  EXPECT_EQ(after_power_loss(test::Fate::kLost), (Bodies{"a", "b"}));
}

TEST_F(DurabilityTest, CleanStopKeepsWhatIsNotDurableYet) {
  open(Durability::kAsync);
  put("a");
  channel_->stop();
  open(Durability::kAsync);
  EXPECT_EQ(test::drain(*channel_), Bodies{"a"});
}

TEST_F(DurabilityTest, AsyncLossIsReported) {
  open(Durability::kAsync);
  put("lost 1");
  put("lost 2");
  disk_->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                   kBroken);
  EXPECT_FALSE(channel_->put(test::batch_of({"refused"}), Durability::kCommit).has_value());
  EXPECT_EQ(test::RecordedMetrics(*channel_).counters.at("async_lost_events_total"), 2U);
  EXPECT_EQ(channel_->size_events(), 0U);
  EXPECT_FALSE(channel_->put(test::batch_of({"refused"})).has_value());
  EXPECT_TRUE(channel_->is_failed());
}

TEST_F(DurabilityTest, OsSurvivesTheProcessAndMayLoseToThePower) {
  open(Durability::kOs);
  put("a");
  put("b");
  // What a killed process leaves: everything it has written.
  auto same = disk_->crash_image(
      {.name = "all", .fates = std::vector(disk_->pending().size(), test::Fate::kKept)});
  EXPECT_EQ(after_power_loss(test::Fate::kLost), Bodies{});
  channel_->stop();
  disk_ = std::move(same);
  open(Durability::kOs);
  EXPECT_EQ(test::drain(*channel_), (Bodies{"a", "b"}));
}

TEST_F(DurabilityTest, OsIsDurableWithTheNextCheckpointOrCommit) {
  open(Durability::kOs);
  put("a");
  ASSERT_TRUE(channel_->checkpoint().has_value());
  put("b");
  ASSERT_TRUE(channel_->put(test::batch_of({"c"}), Durability::kCommit).has_value());
  put("d");
  EXPECT_EQ(after_power_loss(test::Fate::kLost), (Bodies{"a", "b", "c"}));
}

// A power cut in this mode is no damage: nothing is reported lost that was never promised.
TEST_F(DurabilityTest, OsTornByThePowerIsATornTailNotALoss) {
  open(Durability::kOs);
  for (int i = 0; i < 6; ++i) put(std::string(3000, static_cast<char>('a' + i)));
  disk_->crash_now();
  const std::size_t pending = disk_->pending().size();
  ASSERT_GE(pending, 6U);
  for (std::size_t missing = 0; missing < pending; ++missing) {
    SCOPED_TRACE(missing);
    std::vector<test::Fate> fates(pending, test::Fate::kKept);
    fates[missing] = test::Fate::kLost;
    const auto image = disk_->crash_image({.name = "one missing", .fates = fates});
    auto options =
        test::small_file_channel("/c1", {.capacity_events = 10, .transaction_capacity_events = 10});
    options.log.background = wal::Background::kNone;
    FileChannel channel(options, *image, clock_);
    ASSERT_TRUE(channel.start().has_value());
    EXPECT_EQ(test::RecordedMetrics(channel).counters.at("lost_events_total"), 0U);
    const auto found = test::drain(channel);
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].front(), static_cast<char>('a' + i));
    }
  }
}

TEST_F(DurabilityTest, OsSyncThatFailsFailsTheChannel) {
  open(Durability::kOs);
  put("a");
  disk_->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kSync; },
                   kBroken, test::SimDisk::Repeat::kOnce);
  EXPECT_FALSE(channel_->put(test::batch_of({"b"}), Durability::kCommit).has_value());
  EXPECT_TRUE(channel_->is_failed());
  EXPECT_FALSE(channel_->checkpoint().has_value()) << "no manifest may call that durable";
}

}  // namespace
}  // namespace spillway::channel
