// How the channel types read their options: Flume's keys and defaults, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "channel/channel.h"
#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using Given = std::map<std::string, std::string>;

const SystemClock kClock;

Result<std::unique_ptr<channel::Channel>> create(const ChannelType& type, const Given& given) {
  return type.create({.name = "c1", .clock = &kClock}, Config::of(type.options, given));
}

Error refusal(const ChannelType& type, const Given& given) {
  const auto refused = create(type, given);
  return refused.has_value() ? Error{.code = Errc::kNotFound, .what = "not refused"}
                             : refused.error();
}

std::unique_ptr<channel::Channel> started(const ChannelType& type, const Given& given) {
  auto channel = std::move(create(type, given).value());
  EXPECT_TRUE(channel->start().has_value());
  return channel;
}

TEST(MemoryChannelTypeTest, IsFoundByAliasAndJavaClass) {
  EXPECT_EQ(find_channel("Memory"), &kMemoryChannelType);
  EXPECT_EQ(find_channel("org.apache.flume.channel.MemoryChannel"), &kMemoryChannelType);
}

TEST(MemoryChannelTypeTest, HasFlumesDefaults) {
  const auto channel = started(kMemoryChannelType, {});
  EXPECT_EQ(channel->capacity_events(), 100U);
  EXPECT_EQ(channel->transaction_capacity(), 100U);
  EXPECT_TRUE(channel->put(test::batch_of({std::string(100'000, 'x')})).has_value());
  channel->stop();
}

TEST(MemoryChannelTypeTest, TransactionMayNotExceedTheChannel) {
  // The default transactionCapacity is 100.
  EXPECT_EQ(refusal(kMemoryChannelType, {{"capacity", "5"}}).code, Errc::kBadConfig);
}

struct DualChannelTypeTest : testing::Test {
  test::TempDir directory;
  Given given(Given more = {}) const {
    more["checkpointDir"] = (directory.path() / "checkpoint").string();
    more["dataDirs"] = (directory.path() / "data").string();
    more["segmentSize"] = "4MiB";
    more["minimumRequiredSpace"] = "0";
    return more;
  }
};

TEST_F(DualChannelTypeTest, HoldsWhatMemoryAndDiskHold) {
  ASSERT_EQ(find_channel("Dual"), &kDualChannelType);
  const auto channel = started(kDualChannelType, given({{"memoryCapacity", "10"},
                                                        {"overflowCapacity", "30"},
                                                        {"transactionCapacity", "20"},
                                                        {"keep-alive", "0"}}));
  EXPECT_EQ(channel->capacity_events(), 40U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(channel->put(test::numbered_batch("e", 20)).has_value());
  }
  EXPECT_EQ(channel->put(test::batch_of({"too many"})).error().code, Errc::kFull);
  EXPECT_EQ(test::drain(*channel).size(), 40U);
  channel->stop();
}

TEST_F(DualChannelTypeTest, DurabilityCommitIsAFileChannel) {
  auto channel = std::move(create(kDualChannelType, given({{"durability", "commit"}})).value());
  EXPECT_NE(dynamic_cast<channel::FileChannel*>(channel.get()), nullptr);
}

TEST_F(DualChannelTypeTest, TakesTheKeysOfAFileChannelsLog) {
  const auto key = directory.path() / "key";
  std::ofstream(key) << std::string(32, 'k');
  const auto encrypted = given({{"encryption.activeKey", "k1"},
                                {"encryption.keyProvider", "RAWFILE"},
                                {"encryption.keyProvider.keys", "k1"},
                                {"encryption.keyProvider.keys.k1.file", key.string()},
                                {"ackDurability", "strict"}});
  auto channel = started(kDualChannelType, encrypted);
  EXPECT_TRUE(channel->put(test::batch_of({"a", "b"})).has_value());
  channel->stop();
  const auto without = std::move(create(kDualChannelType, given()).value());
  EXPECT_EQ(without->start().error().code, Errc::kNotFound);
  channel = started(kDualChannelType, encrypted);
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  channel->stop();
}

TEST_F(DualChannelTypeTest, RefusesAByteCapacityOfLessThanASlot) {
  EXPECT_EQ(refusal(kDualChannelType, given({{"byteCapacity", "100"}})).code, Errc::kBadConfig);
}

TEST(NullChannelTypeTest, IsFoundAndDropsEverything) {
  ASSERT_EQ(find_channel("null"), &kNullChannelType);
  const auto channel = started(kNullChannelType, {});
  EXPECT_TRUE(channel->put(test::numbered_batch("e", 100'000)).has_value());
  EXPECT_EQ(channel->size_events(), 0U);
  channel->stop();
}

TEST(PseudoTxnMemoryChannelTypeTest, HasFlumesNameAndDefaultsAndLosesNothingInARollback) {
  ASSERT_EQ(find_channel("org.apache.flume.channel.PseudoTxnMemoryChannel"),
            &kPseudoTxnMemoryChannelType);
  const auto channel = started(kPseudoTxnMemoryChannelType, {});
  EXPECT_EQ(channel->capacity_events(), 50U);
  EXPECT_TRUE(channel->put(test::batch_of({"a", "b"})).has_value());
  channel->take(2, std::chrono::milliseconds(0)).value()->rollback();
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  channel->stop();
}

TEST(MemoryChannelTypeTest, ByteCapacityLeavesOutItsBuffer) {
  // 1000 bytes less half of it: five slots of 100 bytes.
  const auto channel = started(
      kMemoryChannelType,
      {{"byteCapacity", "1000"}, {"byteCapacityBufferPercentage", "50"}, {"keep-alive", "0"}});
  EXPECT_TRUE(channel->put(test::batch_of({"1", "2", "3", "4", "5"})).has_value());
  EXPECT_EQ(channel->put(test::batch_of({"6"})).error().code, Errc::kFull);
  channel->stop();
}

TEST(MemoryChannelTypeTest, ByteCapacityZeroIsNoLimit) {
  const auto channel = started(kMemoryChannelType, {{"byteCapacity", "0"}});
  EXPECT_TRUE(channel->put(test::batch_of({std::string(1'000'000, 'x')})).has_value());
  channel->stop();
}

TEST(MemoryChannelTypeTest, ByteCapacityBelowOneSlotIsRefused) {
  const Error error = refusal(kMemoryChannelType, {{"byteCapacity", "100"}});
  EXPECT_EQ(error.code, Errc::kBadConfig);
  EXPECT_THAT(error.what, HasSubstr("byteCapacity"));
}

struct FileChannelTypeTest : testing::Test {
  test::TempDir directory;

  // Small segments: a test should not write 128 MiB of zeros.
  [[nodiscard]] Given given(const Given& more = {}) const {
    Given all{{"checkpointDir", directory.file("checkpoint")},
              {"dataDirs", directory.file("data")},
              {"segmentSize", "4MiB"}};
    for (const auto& [key, value] : more) all.insert_or_assign(key, value);
    return all;
  }
  [[nodiscard]] std::size_t files_in(const std::string& name, std::uintmax_t bytes_min) const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory.path() / name)) {
      if (file.file_size() >= bytes_min) ++count;
    }
    return count;
  }
};

TEST_F(FileChannelTypeTest, IsFoundByAliasAndJavaClass) {
  EXPECT_EQ(find_channel("FILE"), &kFileChannelType);
  EXPECT_EQ(find_channel("org.apache.flume.channel.file.FileChannel"), &kFileChannelType);
}

TEST_F(FileChannelTypeTest, HasFlumesLimits) {
  const auto channel = std::move(create(kFileChannelType, given()).value());
  EXPECT_EQ(channel->capacity_events(), 1'000'000U);
  EXPECT_EQ(channel->transaction_capacity(), 10'000U);
}

TEST_F(FileChannelTypeTest, KeepsEventsInTheConfiguredDirectories) {
  {
    const auto channel = started(kFileChannelType, given());
    ASSERT_TRUE(channel->put(test::batch_of({"a", "b"})).has_value());
    channel->stop();
  }
  EXPECT_GT(files_in("checkpoint", 1), 0U);
  EXPECT_GT(files_in("data", 4 << 20), 0U);
  const auto channel = started(kFileChannelType, given());
  EXPECT_THAT(test::drain(*channel), ElementsAre("a", "b"));
  channel->stop();
}

TEST_F(FileChannelTypeTest, DataDirsIsACommaListWithWhiteSpaceAllowed) {
  const std::string two = directory.file("one") + " , " + directory.file("two");
  const auto channel = started(kFileChannelType, given({{"dataDirs", two}}));
  channel->stop();
  EXPECT_TRUE(std::filesystem::is_directory(directory.path() / "one"));
  EXPECT_TRUE(std::filesystem::is_directory(directory.path() / "two"));
}

TEST_F(FileChannelTypeTest, DataDirsWithoutSenseAreRefused) {
  const std::string one = directory.file("one");
  EXPECT_THAT(refusal(kFileChannelType, given({{"dataDirs", one + ",,"}})).what,
              HasSubstr("empty item"));
  EXPECT_THAT(refusal(kFileChannelType, given({{"dataDirs", one + "," + one}})).what,
              HasSubstr("twice"));
}

TEST_F(FileChannelTypeTest, TransactionMayNotExceedTheChannel) {
  EXPECT_EQ(refusal(kFileChannelType, given({{"capacity", "10"}})).code, Errc::kBadConfig);
}

TEST_F(FileChannelTypeTest, KeysWithoutEffectAreAcceptedWithANotice) {
  Config::Values values;
  for (const char* const key : {"use-log-replay-v1", "use-fast-replay", "useDualCheckpoints",
                                "compressBackupCheckpoint", "checkpointOnClose"}) {
    values[key] = {.text = "true", .origin = {.file = "f", .line = 1}};
  }
  values["backupCheckpointDir"] = {.text = "/b", .origin = {.file = "f", .line = 1}};
  std::vector<ConfigProblem> problems;
  Config::validate(kFileChannelType.options, values, "", {}, problems);
  EXPECT_FALSE(has_errors(problems));
  EXPECT_EQ(problems.size(), values.size());
}

TEST_F(FileChannelTypeTest, DurabilityFollowsOurKeysThenFlumes) {
  const auto options = [this](const Given& more) {
    const auto channel = started(kFileChannelType, given(more));
    channel->stop();
    return dynamic_cast<channel::FileChannel&>(*channel).options();
  };
  using channel::Durability;
  EXPECT_EQ(options({}).durability, Durability::kCommit);
  EXPECT_EQ(options({{"durability", "os"}}).durability, Durability::kOs);
  const auto ours = options({{"durability", "async"}, {"maxLagMillis", "30"}});
  EXPECT_EQ(ours.durability, Durability::kAsync);
  EXPECT_EQ(ours.log.lag_ns_max, 30'000'000U);
  const auto flume = options({{"fsyncPerTransaction", "false"}, {"fsyncInterval", "2"}});
  EXPECT_EQ(flume.durability, Durability::kAsync);
  EXPECT_EQ(flume.log.lag_ns_max, 2'000'000'000U);
  EXPECT_EQ(options({{"fsyncPerTransaction", "false"}, {"durability", "commit"}}).durability,
            Durability::kCommit);
}

TEST_F(FileChannelTypeTest, MaxFileSizeLimitsSegmentsUnlessTheyHaveTheirOwnSize) {
  Given small = given({{"maxFileSize", "5MiB"}});
  small.erase("segmentSize");
  started(kFileChannelType, small)->stop();
  EXPECT_GT(files_in("data", 5 << 20), 0U);
  EXPECT_EQ(files_in("data", (5 << 20) + 1), 0U);
}

}  // namespace
}  // namespace spillway::agent
