// What the pool says about space is what happened: it tells low from full once each, leaves out
// directories that cannot make slots and takes them again, and keeps what it has reserved.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/disk_errors.h"
#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "tests/wal/small_slots.h"
#include "wal/base/mutex.h"
#include "wal/slot_pool.h"

namespace spillway::wal {
namespace {

using test::eventually;
using test::kBroken;
using test::kFull;
using test::SimCall;
using test::SimCallKind;
using test::SimDisk;
using Prewrite = SlotPool::Prewrite;

class SlotSpaceTest : public testing::Test {
 protected:
  SlotSpaceTest() {
    options.slot_bytes = kSmallSlotBytes;
    options.spare_slots_min = 2;
    options.spare_slots_max = 4;
    options.lull_ms = 0;  // however fast slots are taken, it is no burst
  }

  io::Directory* directory(const std::string& path) {
    auto opened = disk.open_directory(path, io::FileSystem::Missing::kCreate);
    return directories.emplace_back(std::move(opened.value())).get();
  }

  void start(const std::vector<std::string>& paths) {
    std::vector<io::Directory*> opened;
    for (const std::string& path : paths) opened.push_back(directory(path));
    pool = std::make_unique<SlotPool>(opened, options);
    pool->set_space_listener([this](SpaceState now, const Error&) {
      const MutexLock lock(mutex);
      changes.push_back(now);
    });
    ASSERT_TRUE(pool->open().has_value());
    pool->start({});
  }

  void fail_making(const std::string& path, const Error& error) {
    disk.fail_when(
        [path](const SimCall& call) {
          return call.kind == SimCallKind::kCreate && call.path.starts_with(path + "/");
        },
        error);
  }

  std::string directory_of(const Result<Slot>& slot) {
    if (!slot.has_value()) return "none";
    std::string paths;
    for (const io::Directory* part : pool->directories(slot.value().id)) {
      if (!paths.empty()) paths += '+';
      paths += part == nullptr ? "missing" : part->path();
    }
    return paths;
  }

  std::vector<SpaceState> seen() {
    const MutexLock lock(mutex);
    return changes;
  }

  SimDisk disk;
  LogOptions options;
  std::vector<std::unique_ptr<io::Directory>> directories;
  Mutex mutex;
  std::vector<SpaceState> changes;
  std::unique_ptr<SlotPool> pool;
};

TEST(SpaceStateTest, HasTheNamesOfTheMetric) {
  EXPECT_EQ(space_state_name(SpaceState::kNormal), "normal");
  EXPECT_EQ(space_state_name(SpaceState::kLow), "low");
  EXPECT_EQ(space_state_name(SpaceState::kFull), "full");
}

TEST_F(SlotSpaceTest, LowWhileThereAreSparesThenFullThenNormalAndEachIsSaidOnce) {
  disk.set_capacity(3 * kSmallSlotBytes + kSmallSlotBytes / 2);
  start({"data"});
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 2; }));
  EXPECT_EQ(pool->stats().state, SpaceState::kNormal);

  const auto first = pool->acquire(Prewrite::kNo);
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 2; }));
  const auto second = pool->acquire(Prewrite::kNo);
  ASSERT_TRUE(eventually([&] { return pool->stats().state == SpaceState::kLow; }));
  EXPECT_EQ(pool->room_bytes(), kSmallSlotBytes - kSegmentDataOffset);

  ASSERT_TRUE(pool->acquire(Prewrite::kNo).has_value());
  EXPECT_EQ(pool->stats().state, SpaceState::kFull);
  EXPECT_FALSE(pool->has_room());
  const std::uint64_t calls = disk.call_count();
  EXPECT_EQ(pool->acquire(Prewrite::kNo).error().code, Errc::kNoSpace);
  EXPECT_EQ(seen(), (std::vector{SpaceState::kLow, SpaceState::kFull}));
  EXPECT_LE(disk.call_count(), calls + 4) << "asking again costs nothing; the preparer may try";

  pool->release(first.value().id);
  EXPECT_TRUE(pool->has_room());
  disk.set_capacity(kGiB);
  ASSERT_TRUE(eventually([&] { return pool->stats().state == SpaceState::kNormal; }));
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 2; }));
  EXPECT_EQ(seen(), (std::vector{SpaceState::kLow, SpaceState::kFull, SpaceState::kLow,
                                 SpaceState::kNormal}));
}

// It finds no space for a slot of its own, and need not.
TEST_F(SlotSpaceTest, SlotBeingPreparedInTheLastSpaceIsWaitedFor) {
  for (std::uint64_t round = 0; round < 50; ++round) {
    disk.set_capacity((2 * round + 2) * kSmallSlotBytes + kSmallSlotBytes / 2);
    start({"round" + std::to_string(round)});
    ASSERT_TRUE(pool->acquire(Prewrite::kNo).has_value());
    while (pool->stats().spare == 0 && disk.paths().size() < 2 * round + 2) continue;
    const auto second = pool->acquire(Prewrite::kNo);
    ASSERT_TRUE(second.has_value()) << "round " << round << ": " << to_string(second.error());
    pool->stop();
  }
}

TEST_F(SlotSpaceTest, SlotsTooSmallForStripesAreOnOneDirectoryEachInTurn) {
  options.spare_slots_min = 1;
  start({"a", "b", "c"});
  for (const char* path : {"a", "b", "c", "a", "b", "c"}) {
    ASSERT_TRUE(eventually([&] { return pool->stats().spare == 1; }));
    EXPECT_EQ(directory_of(pool->acquire(Prewrite::kNo)), path);
  }
}

TEST_F(SlotSpaceTest, DirectoryThatFailsIsLeftOutUntilItWorks) {
  for (const Error& error : {kBroken, kFull}) {
    const std::string round = std::to_string(error.os_error);
    fail_making("b" + round, error);
    start({"a" + round, "b" + round});
    ASSERT_TRUE(eventually([&] { return pool->stats().left_out == 1; }));
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(directory_of(pool->acquire(Prewrite::kNo)), "a" + round);
    }
    ASSERT_TRUE(eventually([&] { return pool->stats().spare >= 2; })) << "a takes the share of b";
    EXPECT_EQ(pool->stats().state, SpaceState::kNormal);
    EXPECT_TRUE(seen().empty());

    disk.clear_faults();
    ASSERT_TRUE(eventually([&] { return pool->stats().left_out == 0; }));
    std::string used;
    for (int i = 0; i < 6; ++i) used += directory_of(pool->acquire(Prewrite::kNo));
    EXPECT_NE(used.find('b'), std::string::npos) << used;
    pool->stop();
  }
}

TEST_F(SlotSpaceTest, AllDirectoriesFailingIsFullWhateverTheReason) {
  fail_making("a", kBroken);
  fail_making("b", kFull);
  start({"a", "b"});
  ASSERT_TRUE(eventually([&] { return pool->stats().state == SpaceState::kFull; }));
  EXPECT_FALSE(pool->acquire(Prewrite::kNo).has_value());
  disk.clear_faults();
  const std::vector both{SpaceState::kFull, SpaceState::kNormal};
  EXPECT_TRUE(eventually([&] { return pool->stats().spare == 2 && seen() == both; }));
}

TEST_F(SlotSpaceTest, ReservationIsMetOrRefusedAndItsSlotsAreNotDeleted) {
  options.background = Background::kNone;
  options.spare_slots_max = 1;
  start({"data"});
  ASSERT_TRUE(pool->reserve(3).has_value());
  const auto other = pool->acquire(Prewrite::kNo);  // of the three
  pool->release(other.value().id);                  // deletes what is too much
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(pool->acquire(Prewrite::kNo).has_value());
  const std::uint64_t made = pool->stats().created;
  EXPECT_EQ(made, 3U);

  disk.set_capacity((made + 1) * kSmallSlotBytes);
  EXPECT_EQ(pool->reserve(4).error().code, Errc::kNoSpace);
}

TEST_F(SlotSpaceTest, ReserveOfFreeSpaceIsLeftAlone) {
  constexpr std::uint64_t kMinimum = 8 * kSmallSlotBytes;
  options.background = Background::kNone;
  options.free_bytes_min = kMinimum;
  disk.set_capacity(kMinimum + 2 * kSmallSlotBytes);
  start({"data"});
  const auto first = pool->acquire(Prewrite::kNo);
  ASSERT_TRUE(first.has_value());
  ASSERT_TRUE(pool->acquire(Prewrite::kNo).has_value());
  EXPECT_EQ(pool->acquire(Prewrite::kNo).error().code, Errc::kNoSpace);
  EXPECT_FALSE(pool->is_below_minimum()) << "we have not cut into it";
  pool->release(first.value().id);
  EXPECT_TRUE(pool->has_room());

  disk.put("elsewhere/file", std::vector<std::byte>(4096));
  EXPECT_TRUE(pool->is_below_minimum());
  EXPECT_EQ(pool->stats().state, SpaceState::kFull);
  disk.erase("elsewhere/file");
  EXPECT_FALSE(pool->is_below_minimum());
}

TEST_F(SlotSpaceTest, FreeSpaceIsWatchedInTheBackground) {
  options.free_bytes_min = kGiB / 2;
  start({"data"});
  EXPECT_FALSE(pool->is_below_minimum());
  disk.set_capacity(kGiB / 4);
  EXPECT_TRUE(eventually([&] { return pool->is_below_minimum(); }));
  disk.set_capacity(kGiB);
  const std::vector both{SpaceState::kFull, SpaceState::kNormal};
  EXPECT_TRUE(eventually([&] { return !pool->is_below_minimum() && seen() == both; }));
}

TEST_F(SlotSpaceTest, BurstRaisesTheNumberOfSparesUpToTheMaximum) {
  start({"data"});
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 2; }));
  for (int i = 0; i < 100 && pool->stats().unprepared == 0; ++i) {
    ASSERT_TRUE(pool->acquire(Prewrite::kNo).has_value());
  }
  ASSERT_GT(pool->stats().unprepared, 0U);
  EXPECT_TRUE(eventually([&] { return pool->stats().spare == 4; }));
}

class NoPrewritingTest : public testing::TestWithParam<bool> {};

TEST_P(NoPrewritingTest, NothingIsWrittenWherePreWritingBringsNothing) {
  SimDisk disk({.is_copy_on_write = GetParam()});
  LogOptions options;
  options.slot_bytes = kSmallSlotBytes;
  options.background = Background::kNone;
  const auto directory =
      std::move(disk.open_directory("data", io::FileSystem::Missing::kCreate).value());
  SlotPool pool({directory.get()}, options);
  ASSERT_TRUE(pool.open().has_value());
  pool.start({});
  ASSERT_TRUE(pool.acquire(Prewrite::kYes).has_value());
  bool has_written = false;
  for (const SimCall& call : disk.calls()) has_written |= call.kind == SimCallKind::kWrite;
  EXPECT_EQ(has_written, !GetParam());
  EXPECT_EQ(disk.contents("data/slot-00001.seg"), std::vector<std::byte>(kSmallSlotBytes));
}

INSTANTIATE_TEST_SUITE_P(CopyOnWrite, NoPrewritingTest, testing::Bool());

}  // namespace
}  // namespace spillway::wal
