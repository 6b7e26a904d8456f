// What is particular to the memory channel: room for bodies in slots of 100 bytes, and a clean end.

#include "channel/memory_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <string>

#include "tests/support/events.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using testing::ElementsAre;

struct MemoryChannelTest : testing::Test {
  // 2 slots: 200 bytes of bodies
  MemoryChannel channel{MemoryChannelOptions{.capacity_events = 100,
                                             .transaction_capacity_events = 100,
                                             .keep_alive = milliseconds(0),
                                             .byte_capacity_slots = 2}};
  void SetUp() override { ASSERT_TRUE(channel.start().has_value()); }
};

TEST(MemorySlotsTest, BufferIsSetAsideBeforeDividing) {
  EXPECT_EQ(memory_slots(1000, 20), 8U);
  EXPECT_EQ(memory_slots(1000, 0), 10U);
  EXPECT_EQ(memory_slots(1000, 100), 0U);
  EXPECT_EQ(memory_slots(124, 20), 0U);  // 99 bytes are no slot
  EXPECT_EQ(memory_slots(125, 20), 1U);
  EXPECT_EQ(memory_slots(UINT64_MAX, 0), UINT64_MAX / 100);
  EXPECT_EQ(memory_slots(UINT64_MAX, 1), 182622766329724560U);
}

TEST(MemorySlotsTest, BodiesAreRoundedUpOneByOne) {
  EventBatch batch;
  batch.add("");
  EXPECT_EQ(body_slots(batch), 0U);
  batch.add("x");
  batch.add(std::string(100, 'x'));
  batch.add(std::string(101, 'x'));
  EXPECT_EQ(body_slots(batch), 4U);
}

TEST_F(MemoryChannelTest, HeadersAndEmptyBodiesTakeNoSlots) {
  const std::string long_value(5000, 'v');
  EventBatch batch;
  batch.add(std::array{HeaderView{"key", long_value}}, "");
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(channel.put(batch).has_value());
}

TEST_F(MemoryChannelTest, ByteCapacityRefusesWithItsName) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b"})).has_value());
  const auto refused = channel.put(batch_of({"c"}));
  ASSERT_EQ(refused.error().code, Errc::kFull);
  EXPECT_NE(std::strstr(refused.error().what, "byteCapacity"), nullptr);
  EXPECT_TRUE(channel.put(batch_of({""})).has_value());
}

TEST_F(MemoryChannelTest, CommitFreesExactlyTheSlotsOfWhatWasTaken) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b", ""})).has_value());
  EXPECT_THAT(test::take_and_commit(channel, 1), ElementsAre("a"));
  ASSERT_TRUE(channel.put(batch_of({"c"})).has_value());
  EXPECT_EQ(channel.put(batch_of({"d"})).error().code, Errc::kFull);
  EXPECT_THAT(test::drain(channel), ElementsAre("b", "", "c"));
  EXPECT_TRUE(channel.put(batch_of({std::string(200, 'x')})).has_value());
}

TEST_F(MemoryChannelTest, TakeAndRollbackFreeNoSlot) {
  ASSERT_TRUE(channel.put(batch_of({"a", "b"})).has_value());
  auto taken = channel.take(2, milliseconds(0));
  EXPECT_EQ(channel.put(batch_of({"c"})).error().code, Errc::kFull);
  taken.value()->rollback();
  EXPECT_EQ(channel.put(batch_of({"c"})).error().code, Errc::kFull);
}

TEST_F(MemoryChannelTest, BodiesBeyondByteCapacityAreTooLargeWhateverTheRoom) {
  EXPECT_EQ(channel.put(batch_of({std::string(201, 'x')})).error().code, Errc::kTooLarge);
}

TEST_F(MemoryChannelTest, RefusedPutLeavesNothingBehind) {
  ASSERT_TRUE(channel.put(batch_of({"a"})).has_value());
  ASSERT_FALSE(channel.put(batch_of({"b", "c"})).has_value());
  EXPECT_EQ(channel.size_events(), 1U);
  EXPECT_THAT(test::drain(channel), ElementsAre("a"));
}

TEST_F(MemoryChannelTest, StoppedChannelDoesNotStartAgain) {
  channel.stop();
  EXPECT_EQ(channel.start().error().code, Errc::kClosed);
}

TEST_F(MemoryChannelTest, TakeBeyondTransactionCapacityIsTooLarge) {
  EXPECT_EQ(channel.take(101, milliseconds(0)).error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace spillway::channel
