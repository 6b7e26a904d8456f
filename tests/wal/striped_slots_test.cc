// With several data directories a slot lies on all of them; what is lost of one costs its stripes,
// and a disk that cannot be written is left alone until it can.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/disk_errors.h"
#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "tests/wal/small_slots.h"
#include "wal/io/aligned_buffer.h"
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

constexpr std::uint64_t kTestStripeBytes = 8 * kKiB;

class StripedSlotsTest : public testing::Test {
 protected:
  StripedSlotsTest() {
    options.slot_bytes = kSmallSlotBytes;  // eight stripes
    options.stripe_bytes = kTestStripeBytes;
    options.spare_slots_min = 1;
    options.spare_slots_max = 2;
    options.lull_ms = 0;
    options.background = Background::kNone;
  }

  void start(const std::vector<std::string>& paths, const std::vector<SlotId>& in_use = {}) {
    pool.reset();
    directories.clear();
    std::vector<io::Directory*> opened;
    for (const std::string& path : paths) {
      auto directory = disk.open_directory(path, io::FileSystem::Missing::kCreate);
      opened.push_back(directories.emplace_back(std::move(directory.value())).get());
    }
    pool = std::make_unique<SlotPool>(opened, options);
    ASSERT_TRUE(pool->open().has_value());
    pool->start(in_use);
  }

  Slot must_acquire() {
    auto slot = pool->acquire(Prewrite::kYes);
    EXPECT_TRUE(slot.has_value());
    return slot.has_value() ? slot.value() : Slot{};
  }

  std::string places(SlotId slot) {
    std::string paths;
    for (const io::Directory* part : pool->directories(slot)) {
      paths += part == nullptr ? "-" : part->path();
    }
    return paths;
  }

  // The stripes hold '0', '1', '2' …
  static io::AlignedBuffer numbered_stripes() {
    io::AlignedBuffer bytes(kSmallSlotBytes);
    for (std::size_t i = 0; i < kSmallSlotBytes; ++i) {
      bytes.span()[i] = static_cast<std::byte>('0' + i / kTestStripeBytes);
    }
    return bytes;
  }

  // Of each stripe its first character; what is not there is not in the result.
  static std::string stripes_of(io::File& file) {
    io::AlignedBuffer bytes(kSmallSlotBytes);
    const auto read = file.read_at(0, bytes.span());
    EXPECT_TRUE(read.has_value());
    std::string stripes;
    for (std::size_t at = 0; at < read.value(); at += kTestStripeBytes) {
      const char c = static_cast<char>(bytes.span()[at]);
      stripes += c == '\0' ? '.' : c;
    }
    return stripes;
  }

  static Result<void> write_all(io::File& file) {
    return file.write_at(0, numbered_stripes().span(), io::Durability::kDurable);
  }

  void fail_writes(const std::string& path) {
    disk.fail_when(
        [path](const SimCall& call) {
          return call.kind == SimCallKind::kWrite && call.path.starts_with(path + "/");
        },
        kBroken);
  }

  SimDisk disk;
  LogOptions options;
  std::vector<std::unique_ptr<io::Directory>> directories;
  std::unique_ptr<SlotPool> pool;
};

TEST_F(StripedSlotsTest, StripesLieOnTheDirectoriesInTurnAndReadBack) {
  start({"a", "b", "c"});
  const Slot slot = must_acquire();
  ASSERT_TRUE(write_all(*slot.file).has_value());
  EXPECT_EQ(disk.contents("a/slot-00001.1of3.seg").size(), 3 * kTestStripeBytes);
  EXPECT_EQ(disk.contents("b/slot-00001.2of3.seg").size(), 3 * kTestStripeBytes);
  EXPECT_EQ(disk.contents("c/slot-00001.3of3.seg").size(), 2 * kTestStripeBytes);
  EXPECT_EQ(disk.contents("b/slot-00001.2of3.seg")[kTestStripeBytes], std::byte{'4'});
  EXPECT_EQ(slot.file->size_bytes().value(), kSmallSlotBytes);

  start({"c", "a", "b"}, {slot.id});  // the order in the configuration does not matter
  EXPECT_EQ(stripes_of(*pool->file(slot.id).value()), "01234567");
  start({"all"}, {});
  for (const char* name :
       {"a/slot-00001.1of3.seg", "b/slot-00001.2of3.seg", "c/slot-00001.3of3.seg"}) {
    disk.put("all/" + std::string(name).substr(2), disk.contents(name));
  }
  start({"all"}, {slot.id});  // nor how many disks they lie on
  EXPECT_EQ(stripes_of(*pool->file(slot.id).value()), "01234567");
}

TEST_F(StripedSlotsTest, HeaderIsNotAlwaysOnTheSameDisk) {
  start({"a", "b"});
  EXPECT_EQ(places(must_acquire().id), "ab");
  EXPECT_EQ(places(must_acquire().id), "ba");
}

TEST_F(StripedSlotsTest, MissingOrCutPartCostsItsStripes) {
  start({"a", "b"});
  const Slot slot = must_acquire();
  ASSERT_TRUE(write_all(*slot.file).has_value());
  auto cut = disk.contents("b/slot-00001.2of2.seg");
  cut.resize(kTestStripeBytes);
  disk.put("b/slot-00001.2of2.seg", cut);
  start({"a", "b"}, {slot.id});
  EXPECT_EQ(stripes_of(*pool->file(slot.id).value()), "012.4.6");
  EXPECT_EQ(pool->file(slot.id).value()->size_bytes().value(), 3 * kTestStripeBytes);
  EXPECT_TRUE(pool->is_complete(slot.id));

  disk.erase("b/slot-00001.2of2.seg");
  start({"a", "b"}, {slot.id});
  EXPECT_EQ(stripes_of(*pool->file(slot.id).value()), "0.2.4.6");
  EXPECT_EQ(pool->file(slot.id).value()->size_bytes().value(), kTestStripeBytes);
  EXPECT_FALSE(pool->is_complete(slot.id));
  EXPECT_EQ(places(slot.id), "a-");
}

TEST_F(StripedSlotsTest, RestOfAnInterruptedCreationOrDeletionIsRemoved) {
  for (const char* left : {"a/slot-00001.1of2.seg", "b/slot-00001.2of2.seg"}) {
    disk.put(left, std::vector<std::byte>(kSmallSlotBytes / 2));
    start({"a", "b"});
    EXPECT_FALSE(disk.exists(left)) << left;
    EXPECT_EQ(must_acquire().id, 1U);
    pool->release(1);
    disk.erase("a/slot-00001.1of2.seg");
    disk.erase("b/slot-00001.2of2.seg");
  }
}

TEST_F(StripedSlotsTest, SamePartTwiceOrInAnotherDivisionIsRefused) {
  for (const char* other : {"b/slot-00001.1of2.seg", "b/slot-00001.2of3.seg", "b/slot-00001.seg"}) {
    disk.put("a/slot-00001.1of2.seg", std::vector<std::byte>(4096));
    disk.put(other, std::vector<std::byte>(4096));
    const auto a = std::move(disk.open_directory("a", io::FileSystem::Missing::kFail).value());
    const auto b = std::move(disk.open_directory("b", io::FileSystem::Missing::kFail).value());
    SlotPool twice({a.get(), b.get()}, options);
    EXPECT_EQ(twice.open().error().code, Errc::kCorrupt) << other;
    disk.erase(other);
  }
}

TEST_F(StripedSlotsTest, DeletionRemovesAllParts) {
  options.spare_slots_max = 1;
  start({"a", "b"});
  const SlotId first = must_acquire().id;
  const SlotId second = must_acquire().id;
  pool->release(first);
  pool->release(second);
  EXPECT_EQ(pool->stats().deleted, 1U);
  EXPECT_EQ(pool->found().size(), 1U);
  std::size_t files = 0;
  for (const auto& directory : directories) files += directory->list().value().size();
  EXPECT_EQ(files, 2U);
}

TEST_F(StripedSlotsTest, FullOrFailingDirectoryIsLeftOutAndItsPartIsRemoved) {
  for (const Error& error : {kBroken, kFull}) {
    const std::string disk_of_round = error.code == kFull.code ? "full" : "broken";
    disk.fail_when(
        [&](const SimCall& call) {
          return call.kind == SimCallKind::kAllocate && call.path.starts_with(disk_of_round + "/");
        },
        error);
    start({"a" + disk_of_round, disk_of_round, "c" + disk_of_round});
    const SlotId slot = must_acquire().id;
    EXPECT_EQ(places(slot), "a" + disk_of_round + "c" + disk_of_round);
    EXPECT_EQ(pool->stats().left_out, 1U);
    EXPECT_EQ(pool->stats().state, SpaceState::kNormal);
    EXPECT_TRUE(directories[1]->list().value().empty());
    disk.clear_faults();
    pool->release(slot);
    EXPECT_EQ(pool->stats().left_out, 0U);
  }
}

// A power loss may bring the part back, which must not meet another slot of its number.
TEST_F(StripedSlotsTest, NumberOfAPartThatIsNotDurablyGoneIsNotGivenAgain) {
  disk.fail_when(
      [](const SimCall& call) {
        return call.path.starts_with("b") &&
               (call.kind == SimCallKind::kAllocate || call.kind == SimCallKind::kSyncDirectory);
      },
      kBroken);
  start({"a", "b"});
  const SlotId slot = must_acquire().id;
  EXPECT_EQ(slot, 2U);
  EXPECT_EQ(places(slot), "a");
}

// In use again only when one could be made and written there.
TEST_F(StripedSlotsTest, DirectoryThatCannotBeWrittenIsLeftAloneUntilItCan) {
  options.background = Background::kThreads;
  start({"a", "b"});
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 1; }));
  fail_writes("b");
  const Slot broken = must_acquire();
  ASSERT_EQ(places(broken.id).size(), 2U);
  EXPECT_FALSE(write_all(*broken.file).has_value());
  const Slot next = must_acquire();
  EXPECT_EQ(places(next.id), "a");
  EXPECT_TRUE(write_all(*next.file).has_value());
  EXPECT_EQ(pool->stats().left_out, 1U);
  pool->release(broken.id);
  EXPECT_EQ(places(must_acquire().id), "a") << "a spare on the broken disk is no spare";

  disk.clear_faults();
  ASSERT_TRUE(eventually([&] { return pool->stats().left_out == 0; }));
  EXPECT_EQ(places(must_acquire().id).size(), 2U);
  EXPECT_FALSE(disk.exists("b/slot-trial"));
}

TEST_F(StripedSlotsTest, SlotsOnMoreDisksAreUsedFirstAndThoseOnFewerGoFirst) {
  start({"a"});
  const SlotId narrow = must_acquire().id;
  start({"a", "b"}, {narrow});
  const SlotId wide = must_acquire().id;
  const SlotId also_wide = must_acquire().id;
  pool->release(wide);
  pool->release(narrow);
  pool->release(also_wide);  // one too many
  EXPECT_TRUE(pool->directories(narrow).empty());
  EXPECT_EQ(places(must_acquire().id).size(), 2U);
}

}  // namespace
}  // namespace spillway::wal
