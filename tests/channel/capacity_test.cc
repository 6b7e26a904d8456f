// What a channel's room promises: never more than the maximum, both amounts or neither, first come
// first served, and nobody waits longer than told.

#include "channel/capacity.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kNoWait{0};
constexpr milliseconds kLong{60'000};

std::future<Result<void>> acquire_later(Capacity& capacity, std::uint64_t events,
                                        std::uint64_t bytes = 0) {
  return std::async(std::launch::async,
                    [&capacity, events, bytes] { return capacity.acquire(events, bytes, kLong); });
}

bool waits(const Capacity& capacity, std::uint64_t count) {
  return test::eventually([&] { return capacity.waiting_count() == count; });
}

TEST(CapacityTest, GrantsUpToTheMaximumAndNotBeyond) {
  Capacity capacity(5, 100);
  EXPECT_TRUE(capacity.acquire(5, 100, kNoWait).has_value());
  EXPECT_EQ(capacity.acquire(1, 0, kNoWait).error().code, Errc::kFull);
  EXPECT_EQ(capacity.used_events(), 5U);
  EXPECT_EQ(capacity.used_bytes(), 100U);
}

TEST(CapacityTest, RefusalReservesNeitherAmount) {
  Capacity capacity(5, 100);
  ASSERT_TRUE(capacity.acquire(1, 90, kNoWait).has_value());
  const auto refused = capacity.acquire(2, 20, kNoWait);
  ASSERT_EQ(refused.error().code, Errc::kFull);
  EXPECT_NE(std::strstr(refused.error().what, "byteCapacity"), nullptr);
  EXPECT_EQ(capacity.used_events(), 1U);
  EXPECT_EQ(capacity.used_bytes(), 90U);
}

TEST(CapacityTest, MessageNamesTheLimitThatWasReached) {
  Capacity capacity(2, Capacity::kUnlimited);
  ASSERT_TRUE(capacity.acquire(2, 7, kNoWait).has_value());
  const auto refused = capacity.acquire(1, 7, kNoWait);
  ASSERT_EQ(refused.error().code, Errc::kFull);
  EXPECT_NE(std::strstr(refused.error().what, "capacity reached"), nullptr);
  EXPECT_EQ(std::strstr(refused.error().what, "byteCapacity"), nullptr);
}

TEST(CapacityTest, WhatCanNeverFitIsTooLargeAtOnce) {
  Capacity capacity(5, 100);
  EXPECT_EQ(capacity.acquire(6, 0, kLong).error().code, Errc::kTooLarge);
  EXPECT_EQ(capacity.acquire(1, 101, kLong).error().code, Errc::kTooLarge);
}

TEST(CapacityTest, WaitsAtLeastAsLongAsToldBeforeItIsFull) {
  Capacity capacity(1, 1);
  ASSERT_TRUE(capacity.acquire(1, 0, kNoWait).has_value());
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(capacity.acquire(1, 0, milliseconds(30)).error().code, Errc::kFull);
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(30));
}

TEST(CapacityTest, ReleaseServesAWaiter) {
  Capacity capacity(3, 10);
  ASSERT_TRUE(capacity.acquire(3, 10, kNoWait).has_value());
  auto waiting = acquire_later(capacity, 2, 5);
  ASSERT_TRUE(waits(capacity, 1));
  capacity.release(1, 10);
  EXPECT_EQ(capacity.waiting_count(), 1U);  // two events do not fit yet
  capacity.release(1, 0);
  EXPECT_TRUE(waiting.get().has_value());
  EXPECT_EQ(capacity.used_events(), 3U);
  EXPECT_EQ(capacity.used_bytes(), 5U);
}

TEST(CapacityTest, SmallBatchesDoNotOvertakeALargeOne) {
  Capacity capacity(10, 10);
  ASSERT_TRUE(capacity.acquire(10, 0, kNoWait).has_value());
  auto large = acquire_later(capacity, 10);
  ASSERT_TRUE(waits(capacity, 1));
  auto small = acquire_later(capacity, 1);
  ASSERT_TRUE(waits(capacity, 2));

  capacity.release(9, 0);
  EXPECT_EQ(capacity.acquire(1, 0, kNoWait).error().code, Errc::kFull);  // there is room, not turn
  capacity.release(1, 0);
  EXPECT_TRUE(large.get().has_value());
  EXPECT_EQ(capacity.waiting_count(), 1U);
  capacity.release(10, 0);
  EXPECT_TRUE(small.get().has_value());
  EXPECT_EQ(capacity.used_events(), 1U);
}

TEST(CapacityTest, WaiterThatGivesUpLetsTheNextOneIn) {
  Capacity capacity(10, 10);
  ASSERT_TRUE(capacity.acquire(5, 0, kNoWait).has_value());
  std::atomic<bool> is_over{false};
  auto large = std::async(std::launch::async, [&] {
    const auto result = capacity.acquire(10, 0, milliseconds(100));
    is_over = true;
    return result;
  });
  ASSERT_TRUE(test::eventually([&] { return is_over || capacity.waiting_count() == 1; }));
  EXPECT_TRUE(capacity.acquire(1, 0, kLong).has_value());
  EXPECT_EQ(large.get().error().code, Errc::kFull);
}

TEST(CapacityTest, CloseFailsPresentAndLaterCallers) {
  Capacity capacity(1, 1);
  ASSERT_TRUE(capacity.acquire(1, 0, kNoWait).has_value());
  auto waiting = acquire_later(capacity, 1);
  ASSERT_TRUE(waits(capacity, 1));
  capacity.close();
  EXPECT_EQ(waiting.get().error().code, Errc::kClosed);
  capacity.release(1, 0);
  EXPECT_EQ(capacity.acquire(1, 0, kNoWait).error().code, Errc::kClosed);
}

TEST(CapacityTest, RestoredExcessDrainsBeforeAnythingIsGranted) {
  Capacity capacity(5, 50);
  capacity.restore(8, 80);
  EXPECT_EQ(capacity.used_events(), 8U);
  EXPECT_EQ(capacity.acquire(1, 0, kNoWait).error().code, Errc::kFull);
  capacity.release(3, 30);
  EXPECT_EQ(capacity.acquire(1, 0, kNoWait).error().code, Errc::kFull);
  capacity.release(1, 10);
  EXPECT_TRUE(capacity.acquire(1, 10, kNoWait).has_value());
}

TEST(CapacityTest, UnlimitedBytesNeverRefuse) {
  Capacity capacity(5, Capacity::kUnlimited);
  EXPECT_TRUE(capacity.acquire(1, UINT64_MAX / 2, kNoWait).has_value());
  EXPECT_TRUE(capacity.acquire(1, UINT64_MAX / 2, kNoWait).has_value());
}

TEST(CapacityTest, ManyThreadsNeverExceedTheMaximum) {
  constexpr std::uint64_t kEventsMax = 16;
  Capacity capacity(kEventsMax, 64);
  std::atomic<std::uint64_t> held{0};
  std::atomic<bool> was_exceeded{false};
  std::vector<std::thread> threads;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    threads.emplace_back([&, seed] {
      Random random(seed);
      for (int round = 0; round < 2000; ++round) {
        const std::uint64_t events = random.between(1, kEventsMax);
        const std::uint64_t bytes = random.between(0, 64);
        if (!capacity.acquire(events, bytes, milliseconds(random.below(3))).has_value()) continue;
        if (held.fetch_add(events) + events > kEventsMax) was_exceeded = true;
        held.fetch_sub(events);
        capacity.release(events, bytes);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(was_exceeded);
  EXPECT_EQ(capacity.used_events(), 0U);
  EXPECT_EQ(capacity.used_bytes(), 0U);
}

}  // namespace
}  // namespace spillway::channel
