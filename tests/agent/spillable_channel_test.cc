// Flume's spillable memory channel by Flume's keys: the cases its users rely on, and those where it
// lets them down (a restart, a boundary between memory and disk, a rollback of nothing).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "channel/channel.h"
#include "channel/file_channel.h"
#include "channel/memory_channel.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using Given = std::map<std::string, std::string>;

std::vector<std::string> numbers(int first, int last) {
  std::vector<std::string> bodies;
  for (int i = first; i <= last; ++i) bodies.push_back(std::to_string(i));
  return bodies;
}

struct SpillableMemoryChannelTest : testing::Test {
  test::TempDir directory;
  SystemClock clock;
  std::unique_ptr<channel::Channel> channel;

  Result<std::unique_ptr<channel::Channel>> create(Given given) {
    given.try_emplace("checkpointDir", (directory.path() / "checkpoint").string());
    given.try_emplace("dataDirs", (directory.path() / "data").string());
    given.try_emplace("segmentSize", "4MiB");
    given.try_emplace("minimumRequiredSpace", "0");
    given.try_emplace("overflowTimeout", "0");
    given.try_emplace("transactionCapacity", "5");
    const ChannelType& type = kSpillableMemoryChannelType;
    return type.create({.name = "c1", .clock = &clock}, Config::of(type.options, given));
  }
  void open(Given given) {
    if (channel != nullptr) channel->stop();
    auto created = create(std::move(given));
    ASSERT_TRUE(created.has_value()) << to_string(created.error());
    channel = std::move(created.value());
    const auto started = channel->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }
  void put(int first, int last) {
    const auto done = channel->put(test::batch_of(numbers(first, last)));
    ASSERT_TRUE(done.has_value()) << first << ": " << to_string(done.error());
  }
  [[nodiscard]] Errc refusal(int number) {
    const auto done = channel->put(test::batch_of(numbers(number, number)));
    return done.has_value() ? Errc::kNotFound : done.error().code;
  }
  [[nodiscard]] bool becomes(const char* gauge, double value) const {
    return test::eventually(
        [&] { return test::RecordedMetrics(*channel).gauges.at(gauge) == value; });
  }
};

TEST_F(SpillableMemoryChannelTest, IsFoundByAliasAndJavaClass) {
  EXPECT_EQ(find_channel("SPILLABLEMEMORY"), &kSpillableMemoryChannelType);
  EXPECT_EQ(find_channel("org.apache.flume.channel.SpillableMemoryChannel"),
            &kSpillableMemoryChannelType);
}

TEST_F(SpillableMemoryChannelTest, WhatIsPutIsTaken) {
  open({});
  put(1, 1);
  EXPECT_THAT(test::drain(*channel), ElementsAre("1"));
  EXPECT_EQ(channel->capacity_events(), 10'000U + 100'000'000U);
}

TEST_F(SpillableMemoryChannelTest, WithoutOverflowTheMemoryIsAllThereIs) {
  open({{"memoryCapacity", "2"}, {"overflowCapacity", "0"}, {"transactionCapacity", "2"}});
  EXPECT_NE(dynamic_cast<channel::MemoryChannel*>(channel.get()), nullptr);
  put(1, 2);
  EXPECT_EQ(refusal(3), Errc::kFull);
  EXPECT_THAT(test::drain(*channel), ElementsAre("1", "2"));
}

TEST_F(SpillableMemoryChannelTest, WithoutMemoryItIsAFileChannel) {
  open({{"memoryCapacity", "0"}, {"overflowCapacity", "5"}});
  EXPECT_NE(dynamic_cast<channel::FileChannel*>(channel.get()), nullptr);
  put(1, 5);
  EXPECT_EQ(refusal(6), Errc::kFull);
}

TEST_F(SpillableMemoryChannelTest, HasRoomForMemoryAndOverflowAndGivesBackInOrder) {
  open({{"memoryCapacity", "2"}, {"overflowCapacity", "4"}});
  put(1, 2);
  put(3, 4);
  put(5, 6);
  EXPECT_EQ(refusal(7), Errc::kFull);
  EXPECT_EQ(channel->size_events(), 6U);
  EXPECT_EQ(test::drain(*channel), numbers(1, 6));
  put(7, 8);
  EXPECT_EQ(test::drain(*channel), numbers(7, 8));
}

TEST_F(SpillableMemoryChannelTest, RestartLosesNeitherWhatIsOnDiskNorWhatIsInMemory) {
  const Given given{{"memoryCapacity", "6"}, {"overflowCapacity", "100"}};
  open(given);
  put(1, 5);
  ASSERT_TRUE(becomes("spilled_events", 5));
  put(6, 8);
  open(given);
  EXPECT_EQ(test::drain(*channel), numbers(1, 8));
}

TEST_F(SpillableMemoryChannelTest, OverflowKeepsTheOrder) {
  open({{"memoryCapacity", "4"}, {"overflowCapacity", "100"}});
  for (int i = 1; i <= 15; i += 3) put(i, i + 2);
  EXPECT_EQ(test::drain(*channel), numbers(1, 15));
}

TEST_F(SpillableMemoryChannelTest, OrderHoldsWhenPutsAndTakesAlternate) {
  open({{"memoryCapacity", "3"}, {"overflowCapacity", "100"}});
  put(1, 1);
  put(2, 6);
  EXPECT_EQ(test::take_and_commit(*channel, 4), numbers(1, 4));
  put(7, 9);
  EXPECT_EQ(test::take_and_commit(*channel, 5), numbers(5, 9)) << "across memory and disk";
  EXPECT_TRUE(becomes("is_spilling", 0));
  put(10, 11);
  EXPECT_EQ(test::take_and_commit(*channel, 2), numbers(10, 11));
  EXPECT_EQ(channel->size_events(), 0U);
}

TEST_F(SpillableMemoryChannelTest, ByteCapacityCountsUnitsOfTheAverageEvent) {
  // 100 bytes less a fifth of it: 8 events of 10 bytes in memory, and 20 on disk.
  open({{"memoryCapacity", "1000"},
        {"overflowCapacity", "20"},
        {"byteCapacity", "100"},
        {"avgEventSize", "10"},
        {"byteCapacityBufferPercentage", "20"}});
  for (int i = 1; i <= 28; ++i) put(i, i);
  EXPECT_EQ(refusal(29), Errc::kFull);
  EXPECT_EQ(channel->size_events(), 28U);
  EXPECT_EQ(test::take_and_commit(*channel, 1), numbers(1, 1));
  EXPECT_TRUE(test::eventually([&] { return refusal(29) != Errc::kFull; }));
  EXPECT_EQ(test::drain(*channel), numbers(2, 29));
}

TEST_F(SpillableMemoryChannelTest, RefusedPutLeavesRoomAsItWas) {
  open({{"memoryCapacity", "2"}, {"overflowCapacity", "4"}, {"byteCapacity", "1000000"}});
  put(1, 2);
  put(3, 4);
  put(5, 6);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refusal(7), Errc::kFull);
  EXPECT_EQ(test::drain(*channel), numbers(1, 6));
  for (int i = 7; i <= 12; i += 2) put(i, i + 1);
  EXPECT_EQ(test::drain(*channel), numbers(7, 12));
}

TEST_F(SpillableMemoryChannelTest, RollbackReturnsEventsToTheirPlace) {
  open({{"memoryCapacity", "4"}, {"overflowCapacity", "100"}});
  put(1, 4);
  ASSERT_TRUE(becomes("spilled_events", 4));
  put(5, 6);
  for (const std::size_t count : {2U, 5U}) {
    const auto taken = std::move(channel->take(count, milliseconds(0)).value());
    EXPECT_EQ(test::bodies_of(taken->events()), numbers(1, static_cast<int>(count)));
    taken->rollback();
  }
  EXPECT_EQ(test::drain(*channel), numbers(1, 6));
  channel->take(1, milliseconds(0)).value()->rollback();  // of nothing
}

TEST_F(SpillableMemoryChannelTest, SmallerLimitsKeepWhatIsThereAndRefuseMore) {
  open({{"memoryCapacity", "4"}, {"overflowCapacity", "100"}});
  for (int i = 1; i <= 20; i += 5) put(i, i + 4);
  for (const Given& limit : {Given{{"memoryCapacity", "5"}, {"overflowCapacity", "10"}},
                             Given{{"memoryCapacity", "1"}, {"overflowCapacity", "19"}},
                             Given{{"memoryCapacity", "5"},
                                   {"overflowCapacity", "15"},
                                   {"byteCapacity", "1000"},
                                   {"avgEventSize", "100"}}}) {
    open(limit);
    EXPECT_EQ(refusal(21), Errc::kFull);
    EXPECT_EQ(channel->size_events(), 20U);
  }
  open({{"memoryCapacity", "10"}, {"overflowCapacity", "100"}});
  put(21, 21);
  EXPECT_EQ(test::drain(*channel), numbers(1, 21));
}

TEST_F(SpillableMemoryChannelTest, ManyProducersAndConsumersLoseNothing) {
  constexpr int kEach = 2000;
  open({{"memoryCapacity", "50"}, {"overflowCapacity", "100000"}});
  std::vector<std::thread> producers;
  for (int i = 0; i < 2; ++i) {
    producers.emplace_back([this, i] {
      for (int n = i * kEach; n < (i + 1) * kEach; n += 4) put(n, n + 3);
    });
  }
  std::vector<std::vector<std::string>> taken(2);
  std::vector<std::thread> consumers;
  for (std::vector<std::string>& mine : taken) {
    consumers.emplace_back([this, &mine] {
      while (channel->counters().take_successes.value() < 2 * kEach) {
        for (std::string& body : test::take_and_commit(*channel, 5)) mine.push_back(body);
      }
    });
  }
  for (std::thread& thread : producers) thread.join();
  for (std::thread& thread : consumers) thread.join();
  std::vector<int> all;
  for (const auto& mine : taken) {
    for (const std::string& body : mine) all.push_back(std::stoi(body));
  }
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), 2U * kEach);
  for (int i = 0; i < 2 * kEach; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
}

TEST_F(SpillableMemoryChannelTest, CountsAsFlumeDoes) {
  open({{"memoryCapacity", "2"}, {"overflowCapacity", "4"}});
  put(1, 2);
  put(3, 4);
  put(5, 6);
  EXPECT_EQ(refusal(7), Errc::kFull);
  const channel::ChannelCounters& counters = channel->counters();
  EXPECT_EQ(counters.put_attempts.value(), 7U);
  EXPECT_EQ(counters.put_successes.value(), 6U);
  test::take_and_commit(*channel, 5);
  EXPECT_EQ(counters.take_successes.value(), 5U);
  EXPECT_EQ(channel->size_events(), 1U);
  EXPECT_EQ(channel->capacity_events(), 6U);
}

TEST_F(SpillableMemoryChannelTest, RefusesWhatMakesNoSense) {
  const auto code = [this](Given given) {
    const auto created = create(std::move(given));
    return created.has_value() ? Errc::kNotFound : created.error().code;
  };
  EXPECT_EQ(code({{"memoryCapacity", "0"}, {"overflowCapacity", "0"}}), Errc::kBadConfig);
  EXPECT_EQ(code({{"memoryCapacity", "2"}, {"overflowCapacity", "2"}}), Errc::kBadConfig);
  EXPECT_EQ(code({{"memoryCapacity", "2"}, {"overflowCapacity", "0"}}), Errc::kBadConfig);
  EXPECT_EQ(code({{"byteCapacity", "100"}}), Errc::kBadConfig);
}

}  // namespace
}  // namespace spillway::agent
