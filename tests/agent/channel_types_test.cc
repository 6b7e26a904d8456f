// How the channel types read their options: Flume's keys and defaults, and what is refused.

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>

#include "agent/config.h"
#include "agent/registry.h"
#include "channel/channel.h"
#include "tests/support/events.h"

namespace spillway::agent {
namespace {

using Given = std::map<std::string, std::string>;

Result<std::unique_ptr<channel::Channel>> create(const ChannelType& type, const Given& given) {
  return type.create({.name = "c1"}, Config::of(type.options, given));
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
  const auto refused = create(kMemoryChannelType, {{"capacity", "5"}});  // default is 100
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kBadConfig);
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
  const auto refused = create(kMemoryChannelType, {{"byteCapacity", "100"}});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kBadConfig);
  EXPECT_NE(std::strstr(refused.error().what, "byteCapacity"), nullptr);
}

}  // namespace
}  // namespace spillway::agent
