// Slot files are made once, used again in place, and never used twice at the same time.

#include "wal/slot_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "tests/wal/small_slots.h"

namespace spillway::wal {
namespace {

using test::SimCall;
using test::SimCallKind;
using test::SimDisk;
using Prewrite = SlotPool::Prewrite;

struct SlotPoolTest : testing::Test {
  SlotPoolTest() {
    options.slot_bytes = kSmallSlotBytes;
    options.spare_slots_min = 1;
    options.spare_slots_max = 2;
    options.background = Background::kNone;
  }

  std::unique_ptr<io::Directory> open_directory(const std::string& path) {
    auto opened = disk.open_directory(path, io::FileSystem::Missing::kCreate);
    EXPECT_TRUE(opened.has_value());
    return std::move(opened.value());
  }

  std::unique_ptr<SlotPool> open(const std::vector<SlotId>& in_use) {
    auto pool = std::make_unique<SlotPool>(std::vector<io::Directory*>{directory.get()}, options);
    EXPECT_TRUE(pool->open().has_value());
    pool->start(in_use);
    return pool;
  }

  SlotId must_acquire(SlotPool& pool) {
    const auto slot = pool.acquire(Prewrite::kNo);
    EXPECT_TRUE(slot.has_value());
    return slot.has_value() ? slot.value().id : 0;
  }

  SimDisk disk;
  LogOptions options;
  std::unique_ptr<io::Directory> directory = open_directory("data");
};

TEST(SlotNameTest, OnlyOurNamesAreSlots) {
  EXPECT_EQ(slot_name(7), "slot-00007.seg");
  EXPECT_EQ(slot_name(1'234'567), "slot-1234567.seg");
  for (const SlotId id : {1U, 7U, 99'999U, 100'000U, 4'294'967'295U}) {
    const auto name = parse_slot_name(slot_name(id));
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(name->slot, id);
    EXPECT_EQ(name->parts, 1U);
  }
  EXPECT_EQ(slot_file_name({.slot = 7, .part = 1, .parts = 3}), "slot-00007.2of3.seg");
  const auto part = parse_slot_name("slot-00007.2of3.seg");
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->slot, 7U);
  EXPECT_EQ(part->part, 1U);
  EXPECT_EQ(part->parts, 3U);
  for (const char* name :
       {"", "slot-.seg", "slot-00000.seg", "slot-7.seg.bak", "slot-7x.seg", "slot--7.seg", "log-1",
        "slot-4294967296.seg", "in_use.lock", "slot-00007.se", "Slot-00007.seg",
        "slot-00007.1of1.seg", "slot-00007.0of2.seg", "slot-00007.3of2.seg", "slot-00007.1of65.seg",
        "slot-00007.1of.seg", "slot-00007.of2.seg", "slot-00007.1of2", "slot-00007.1of2.seg.bak"}) {
    EXPECT_FALSE(parse_slot_name(name).has_value()) << name;
  }
}

TEST_F(SlotPoolTest, NewSlotIsDurableAndBlank) {
  const auto pool = open({});
  const auto slot = pool->acquire(Prewrite::kYes);
  ASSERT_TRUE(slot.has_value());
  const auto image = disk.crash_image({.name = "none", .fates = {}});
  EXPECT_EQ(image->contents("data/slot-00001.seg"), std::vector<std::byte>(kSmallSlotBytes));
}

TEST_F(SlotPoolTest, ReleasedSlotIsUsedAgain) {
  const auto pool = open({});
  const SlotId first = must_acquire(*pool);
  const SlotId second = must_acquire(*pool);
  EXPECT_NE(first, second);
  pool->release(first);
  EXPECT_EQ(must_acquire(*pool), first);
  EXPECT_EQ(pool->stats().created, 2U);
}

TEST_F(SlotPoolTest, SlotsInUseAreNotSpareAfterReopening) {
  {
    const auto pool = open({});
    for (int i = 0; i < 3; ++i) must_acquire(*pool);
  }
  const auto pool = open({2});
  std::set<SlotId> got;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(got.insert(must_acquire(*pool)).second);
  EXPECT_EQ(got, (std::set<SlotId>{1, 3, 4, 5}));
}

// The manifest may name a slot whose file has vanished. Its number stays taken: it will be released
// with its segment, and must then not be somebody else's.
TEST_F(SlotPoolTest, NumberOfAMissingSlotIsNotGivenToANewFile) {
  {
    const auto pool = open({});
    for (int i = 0; i < 2; ++i) must_acquire(*pool);
  }
  disk.erase("data/slot-00002.seg");
  const auto pool = open({1, 2});
  const SlotId fresh = must_acquire(*pool);
  EXPECT_NE(fresh, 2U);
  pool->release(2);
  EXPECT_NE(must_acquire(*pool), fresh);
  EXPECT_FALSE(pool->file(2).has_value());
}

TEST_F(SlotPoolTest, SurplusIsDeletedForGood) {
  const auto pool = open({});
  std::vector<SlotId> all;
  for (int i = 0; i < 5; ++i) all.push_back(must_acquire(*pool));
  for (const SlotId id : all) pool->release(id);
  EXPECT_EQ(pool->stats().spare, options.spare_slots_max);
  EXPECT_EQ(pool->stats().deleted, 3U);
  const auto image = disk.crash_image({.name = "none", .fates = {}});
  EXPECT_EQ(image->paths().size(), options.spare_slots_max);
}

TEST_F(SlotPoolTest, SlotThatCannotBeDeletedStaysOutOfUse) {
  const auto pool = open({});
  std::vector<SlotId> all;
  for (int i = 0; i < 3; ++i) all.push_back(must_acquire(*pool));
  disk.fail_when([](const SimCall& call) { return call.kind == SimCallKind::kRemove; },
                 {.code = Errc::kIo, .os_error = EIO});
  for (const SlotId id : all) pool->release(id);
  disk.clear_faults();
  std::set<SlotId> got;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(got.insert(must_acquire(*pool)).second);
}

TEST_F(SlotPoolTest, FullDiskIsReportedLeavesNothingBehindAndPasses) {
  const auto pool = open({});
  disk.set_capacity(kSmallSlotBytes + kSmallSlotBytes / 2);
  const SlotId first = must_acquire(*pool);
  EXPECT_TRUE(pool->has_room());
  EXPECT_EQ(pool->acquire(Prewrite::kNo).error().code, Errc::kNoSpace);
  EXPECT_FALSE(pool->has_room());
  EXPECT_EQ(disk.paths().size(), 1U) << "a file that was begun gives its space back";
  pool->release(first);
  EXPECT_TRUE(pool->has_room());
  EXPECT_EQ(must_acquire(*pool), first);
  disk.set_capacity(kGiB);
  must_acquire(*pool);
  EXPECT_TRUE(pool->has_room());
}

TEST_F(SlotPoolTest, FailedCreationAtAnyStepCanBeTriedAgain) {
  for (const auto kind : {SimCallKind::kCreate, SimCallKind::kAllocate, SimCallKind::kWrite,
                          SimCallKind::kSync, SimCallKind::kSyncDirectory}) {
    SCOPED_TRACE(static_cast<int>(kind));
    const auto pool = open({});
    disk.fail_when([kind](const SimCall& call) { return call.kind == kind; },
                   {.code = Errc::kIo, .os_error = EIO}, SimDisk::Repeat::kOnce);
    EXPECT_EQ(pool->acquire(Prewrite::kYes).error().os_error, EIO);
    const SlotId id = must_acquire(*pool);
    EXPECT_EQ(disk.paths().size(), 1U);
    disk.erase("data/" + slot_name(id));
  }
}

TEST_F(SlotPoolTest, LeftoverOfAFailedCreationDoesNotBlockTheNext) {
  const auto pool = open({});
  disk.fail_when(
      [](const SimCall& call) {
        return call.kind == SimCallKind::kSync || call.kind == SimCallKind::kRemove;
      },
      {.code = Errc::kIo, .os_error = EIO});
  EXPECT_FALSE(pool->acquire(Prewrite::kNo).has_value());
  disk.clear_faults();
  EXPECT_TRUE(pool->acquire(Prewrite::kNo).has_value());
}

TEST_F(SlotPoolTest, CutFileIsFilledUpBeforeItIsUsed) {
  must_acquire(*open({}));
  for (const std::size_t size : {0U, 100U, 4096U, 40'000U}) {
    disk.put("data/slot-00001.seg", std::vector<std::byte>(size, std::byte{0x5A}));
    const auto pool = open({});
    const auto slot = pool->acquire(Prewrite::kNo);
    ASSERT_TRUE(slot.has_value());
    EXPECT_EQ(slot.value().id, 1U);
    EXPECT_EQ(slot.value().bytes, kSmallSlotBytes);
    const auto image = disk.crash_image({.name = "none", .fates = {}});
    EXPECT_EQ(image->contents("data/slot-00001.seg"), std::vector<std::byte>(kSmallSlotBytes));
  }
}

TEST_F(SlotPoolTest, LargerSlotOfEarlierOptionsKeepsItsSize) {
  disk.put("data/slot-00004.seg", std::vector<std::byte>(2 * kSmallSlotBytes + 100));
  const auto slot = open({})->acquire(Prewrite::kNo);
  ASSERT_TRUE(slot.has_value());
  EXPECT_EQ(slot.value().bytes, 2 * kSmallSlotBytes);
}

TEST_F(SlotPoolTest, SpareThatCannotBeOpenedIsLeftAlone) {
  must_acquire(*open({}));
  const auto pool = open({});
  disk.fail_when([](const SimCall& call) { return call.kind == SimCallKind::kOpen; },
                 {.code = Errc::kIo, .os_error = EIO}, SimDisk::Repeat::kOnce);
  EXPECT_EQ(must_acquire(*pool), 2U);
}

TEST_F(SlotPoolTest, SpareIsKeptWhileTheProcessLacksDescriptors) {
  must_acquire(*open({}));
  for (const int lack : {EMFILE, ENFILE, ENOMEM}) {
    const auto pool = open({});
    disk.fail_when(
        [](const SimCall& call) {
          return call.kind == SimCallKind::kOpen || call.kind == SimCallKind::kCreate;
        },
        {.code = Errc::kIo, .os_error = lack});
    EXPECT_FALSE(pool->acquire(SlotPool::Prewrite::kNo).has_value());
    disk.clear_faults();
    EXPECT_EQ(must_acquire(*pool), 1U) << lack;
  }
}

TEST_F(SlotPoolTest, SmallerSlotOfEarlierOptionsIsReplaced) {
  const auto before = open({});
  const SlotId small = must_acquire(*before);
  must_acquire(*before);
  before->release(small);
  const auto file = std::move(directory->open(slot_name(small), io::OpenMode::kReadWrite).value());
  ASSERT_TRUE(file->truncate(kSmallSlotBytes / 2).has_value());  // behind the back of the pool
  const auto slot = before->acquire(Prewrite::kNo);
  ASSERT_TRUE(slot.has_value());
  EXPECT_NE(slot.value().id, small);
  EXPECT_EQ(slot.value().bytes, kSmallSlotBytes);
}

TEST_F(SlotPoolTest, SlotNumberInTwoDirectoriesIsRefused) {
  const auto other = open_directory("other");
  disk.put("data/slot-00003.seg", std::vector<std::byte>(100));
  disk.put("other/slot-00003.seg", std::vector<std::byte>(100));
  SlotPool pool({directory.get(), other.get()}, options);
  EXPECT_EQ(pool.open().error().code, Errc::kCorrupt);
}

TEST_F(SlotPoolTest, SlotsAreSpreadOverTheDirectories) {
  const auto other = open_directory("other");
  SlotPool pool({directory.get(), other.get()}, options);
  ASSERT_TRUE(pool.open().has_value());
  pool.start({});
  for (int i = 0; i < 4; ++i) must_acquire(pool);
  EXPECT_EQ(directory->list().value().size(), 2U);
  EXPECT_EQ(other->list().value().size(), 2U);
}

TEST_F(SlotPoolTest, ForeignFilesAreNotTouched) {
  disk.put("data/readme", std::vector<std::byte>(10, std::byte{1}));
  const auto pool = open({});
  EXPECT_TRUE(pool->found().empty());
  for (int i = 0; i < 3; ++i) pool->release(must_acquire(*pool));
  EXPECT_EQ(disk.contents("data/readme"), std::vector<std::byte>(10, std::byte{1}));
}

TEST_F(SlotPoolTest, SparesArePreparedInTheBackground) {
  options.background = Background::kThreads;
  options.spare_slots_min = 2;
  const auto pool = open({});
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 2; }));
  must_acquire(*pool);
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 2; }));
  EXPECT_EQ(pool->stats().unprepared, 0U);
  pool->stop();
  pool->stop();
}

TEST_F(SlotPoolTest, BurstIsNotSlowedByPreparingWhileTwoSparesAreLeft) {
  options.background = Background::kThreads;
  options.spare_slots_min = 4;
  options.spare_slots_max = 4;
  options.lull_ms = 3'600'000;
  const auto pool = open({});
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 4; }));
  must_acquire(*pool);
  must_acquire(*pool);
  // The background thread comes to a trial after it has looked for something to prepare.
  std::atomic<bool> has_looked{false};
  pool->set_trial([&](io::File&, const auto&) {
    has_looked = true;
    return true;
  });
  ASSERT_TRUE(test::eventually([&] { return has_looked.load(); }));
  EXPECT_EQ(pool->stats().spare, 2U);
  must_acquire(*pool);
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 2; }));
}

TEST_F(SlotPoolTest, BurstMakesTheStockGrow) {
  options.background = Background::kThreads;
  options.lull_ms = 3'600'000;
  const auto pool = open({});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 1; }));
    must_acquire(*pool);
  }
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 2; }));
  EXPECT_EQ(pool->stats().unprepared, 0U);
}

TEST_F(SlotPoolTest, SparesUsedUpByABurstAreReplacedBehindIt) {
  options.background = Background::kThreads;
  options.spare_slots_min = 4;
  options.lull_ms = 1;
  const auto pool = open({});
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 4; }));
  must_acquire(*pool);
  must_acquire(*pool);
  ASSERT_TRUE(test::eventually([&] { return pool->stats().spare == 4; }));
}

}  // namespace
}  // namespace spillway::wal
