// Whatever happens while a manifest is written, the one before it is still there; and what is
// found says whether it may be an older one.

#include "checkpoint/manifest_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tests/support/sim_disk.h"

namespace spillway::checkpoint {
namespace {

using Access = ManifestStore::Access;

constexpr const char* kPath = "cp/manifest";

std::unique_ptr<io::Directory> open(test::SimDisk& disk) {
  auto directory = disk.open_directory("cp", io::FileSystem::Missing::kCreate);
  EXPECT_TRUE(directory.has_value());
  return std::move(directory.value());
}

ManifestStore::Loaded load(test::SimDisk& disk, Access access = Access::kReadOnly) {
  const auto directory = open(disk);
  auto loaded = ManifestStore(*directory).load(access);
  EXPECT_TRUE(loaded.has_value());
  return loaded.value();
}

std::uint64_t newest_lost_count(test::SimDisk& disk) {
  const auto loaded = load(disk);
  return loaded.newest() == nullptr ? UINT64_MAX : loaded.newest()->lost_entries;
}

// Marks a manifest so that it can be told from the others.
Result<void> store(ManifestStore& manifests, std::uint64_t mark) {
  Manifest manifest;
  manifest.lost_entries = mark;
  return manifests.store(manifest);
}

struct ManifestStoreTest : testing::Test {
  test::SimDisk disk;
  std::unique_ptr<io::Directory> directory = open(disk);
  ManifestStore manifests{*directory};

  void create(std::uint64_t stored_count) {
    ASSERT_TRUE(manifests.load(Access::kReadWrite).has_value());
    ASSERT_TRUE(manifests.create_if_missing().has_value());
    for (std::uint64_t i = 1; i <= stored_count; ++i) {
      ASSERT_TRUE(store(manifests, i).has_value());
    }
  }
  void damage(std::size_t slot) {
    disk.corrupt(kPath, slot * kManifestSlotBytes, 512,
                 [](MutableByteSpan bytes) { bytes[20] ^= std::byte{1}; });
  }
};

TEST_F(ManifestStoreTest, MissingFileIsNoError) {
  const auto loaded = load(disk);
  EXPECT_FALSE(loaded.has_file);
  EXPECT_EQ(loaded.newest(), nullptr);
}

TEST_F(ManifestStoreTest, NewFileHoldsNothing) {
  create(0);
  const auto loaded = load(disk);
  EXPECT_TRUE(loaded.has_file);
  EXPECT_EQ(loaded.newest(), nullptr);
  EXPECT_EQ(disk.contents(kPath).size(), kManifestSlotCount * kManifestSlotBytes);
}

TEST_F(ManifestStoreTest, FirstManifestIsNotStaleForLackOfAnother) {
  create(1);
  const auto loaded = load(disk);
  ASSERT_NE(loaded.newest(), nullptr);
  EXPECT_EQ(loaded.newest()->generation, 1U);
  EXPECT_FALSE(loaded.is_damaged);
}

TEST_F(ManifestStoreTest, SlotsAreWrittenInTurn) {
  create(1);
  for (std::uint64_t i = 2; i < 8; ++i) {
    ASSERT_TRUE(store(manifests, i).has_value());
    const auto loaded = load(disk);
    ASSERT_TRUE(loaded.slots[0].has_value());
    ASSERT_TRUE(loaded.slots[1].has_value());
    EXPECT_EQ(loaded.slots[(i - 1) % 2]->generation, i);
    EXPECT_EQ(loaded.slots[i % 2]->generation, i - 1);
    EXPECT_EQ(loaded.newest()->lost_entries, i);
    EXPECT_FALSE(loaded.may_be_stale);
  }
}

TEST_F(ManifestStoreTest, GenerationsGoOnAfterReopening) {
  create(5);
  ManifestStore second(*directory);
  ASSERT_TRUE(second.load(Access::kReadWrite).has_value());
  ASSERT_TRUE(store(second, 6).has_value());
  const auto loaded = load(disk);
  EXPECT_EQ(loaded.newest()->generation, 6U);
  EXPECT_EQ(loaded.newest()->lost_entries, 6U);
  EXPECT_TRUE(loaded.slots[0].has_value() && loaded.slots[1].has_value());
}

TEST_F(ManifestStoreTest, DamagedSlotLeavesTheOtherAndSaysSo) {
  create(4);  // slots hold 3 and 4
  damage(1);
  const auto loaded = load(disk);
  ASSERT_NE(loaded.newest(), nullptr);
  EXPECT_EQ(loaded.newest()->lost_entries, 3U);
  EXPECT_TRUE(loaded.may_be_stale);
  EXPECT_TRUE(loaded.is_damaged);
}

TEST_F(ManifestStoreTest, DamagedSlotIsTheOneWrittenNext) {
  create(4);
  damage(0);
  ManifestStore second(*directory);
  ASSERT_TRUE(second.load(Access::kReadWrite).has_value());
  ASSERT_TRUE(store(second, 9).has_value());
  const auto loaded = load(disk);
  EXPECT_EQ(loaded.slots[0]->lost_entries, 9U);
  EXPECT_EQ(loaded.slots[1]->lost_entries, 4U);
  EXPECT_FALSE(loaded.may_be_stale);
}

// A blank second slot beside generation 1 is how a new channel looks, and also what is left when
// generation 2 is wiped: it cannot be told apart, so the segments must be asked.
TEST_F(ManifestStoreTest, WipedSecondManifestMakesTheFirstStale) {
  create(2);
  disk.corrupt(kPath, kManifestSlotBytes, 4096,
               [](MutableByteSpan bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); });
  const auto loaded = load(disk);
  ASSERT_NE(loaded.newest(), nullptr);
  EXPECT_EQ(loaded.newest()->lost_entries, 1U);
  EXPECT_TRUE(loaded.may_be_stale);
}

TEST_F(ManifestStoreTest, BothDamagedIsNoManifest) {
  create(4);
  damage(0);
  damage(1);
  const auto loaded = load(disk);
  EXPECT_TRUE(loaded.has_file);
  EXPECT_EQ(loaded.newest(), nullptr);
  EXPECT_TRUE(loaded.may_be_stale);
}

TEST_F(ManifestStoreTest, UnreadableSlotLeavesTheOther) {
  create(4);
  disk.fail_reads(kPath, kManifestSlotBytes + 512, 512);
  EXPECT_EQ(newest_lost_count(disk), 3U);
}

TEST_F(ManifestStoreTest, SpaceThatIsNotUsedNeedNotBeReadable) {
  create(4);
  disk.fail_reads(kPath, kManifestSlotBytes + 8192, 512);
  EXPECT_EQ(newest_lost_count(disk), 4U);
  EXPECT_FALSE(load(disk).may_be_stale);
}

TEST_F(ManifestStoreTest, ManifestOfSeveralBlocksIsReadWhole) {
  create(0);
  Manifest manifest;
  manifest.end = {.lsn = {8192}, .next_sequence = {10'000}, .last_segment = {1}};
  manifest.segments.push_back({.number = {1},
                               .slot_bytes = 128 * kKiB,
                               .first_lsn = {0},
                               .first_sequence = {1},
                               .end_lsn = manifest.end.lsn,
                               .end_sequence = manifest.end.next_sequence});
  for (std::uint64_t i = 1; i < 3000; ++i)
    manifest.acks.add({.first = {3 * i}, .end = {3 * i + 1}});
  manifest.lost_entries = 17;
  ASSERT_TRUE(manifests.store(manifest).has_value());
  ASSERT_GT(manifests.bytes_written(), 2 * wal::kBlockAlignBytes);
  EXPECT_EQ(newest_lost_count(disk), 17U);

  // What is left behind its lost first block says that it has been written.
  disk.corrupt(kPath, 0, wal::kBlockAlignBytes,
               [](MutableByteSpan bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); });
  EXPECT_EQ(load(disk).states[0], ManifestStore::SlotState::kDamaged);
}

TEST_F(ManifestStoreTest, TornWriteLeavesTheOneBefore) {
  create(3);
  const std::uint64_t calls = disk.call_count();
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    test::SimDisk other({.seed = seed});
    other.put(kPath, disk.contents(kPath));
    const auto there = open(other);
    ManifestStore writer(*there);
    ASSERT_TRUE(writer.load(Access::kReadWrite).has_value());
    other.crash_at(other.call_count() + 1, test::CrashPhase::kAfterSubmit);
    EXPECT_FALSE(store(writer, 4).has_value());
    for (const auto& choice : test::survivor_choices(other.pending().size(), seed)) {
      const auto image = other.crash_image(choice);
      const std::uint64_t mark = newest_lost_count(*image);
      EXPECT_TRUE(mark == 3 || mark == 4) << choice.name << " left " << mark;
    }
  }
  EXPECT_EQ(disk.call_count(), calls);
}

TEST_F(ManifestStoreTest, FailedStoreIsTriedAgainInTheSameSlot) {
  create(3);
  disk.fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                 {.code = Errc::kIo, .os_error = EIO}, test::SimDisk::Repeat::kOnce);
  EXPECT_FALSE(store(manifests, 4).has_value());
  EXPECT_GE(newest_lost_count(disk), 3U);
  ASSERT_TRUE(store(manifests, 5).has_value());
  EXPECT_EQ(newest_lost_count(disk), 5U);
  EXPECT_EQ(load(disk).slots[0]->lost_entries, 3U) << "the intact one was not touched";
}

TEST_F(ManifestStoreTest, CutFileIsFilledUpAndGoesOn) {
  create(4);
  const auto whole = disk.contents(kPath);
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, std::size_t{4096},
                                 kManifestSlotBytes, kManifestSlotBytes + 5000}) {
    disk.put(kPath, ByteSpan(whole).first(size));
    ManifestStore second(*directory);
    const auto loaded = second.load(Access::kReadWrite);
    ASSERT_TRUE(loaded.has_value()) << size;
    ASSERT_TRUE(second.create_if_missing().has_value()) << size;
    ASSERT_TRUE(store(second, 70).has_value());
    ASSERT_TRUE(store(second, 71).has_value());
    EXPECT_EQ(newest_lost_count(disk), 71U) << size;
    EXPECT_FALSE(load(disk).may_be_stale && load(disk).is_damaged) << size;
  }
}

TEST_F(ManifestStoreTest, ManifestSurvivesPowerLossOnceStored) {
  create(2);
  const auto image = disk.crash_image({.name = "none", .fates = {}});
  EXPECT_EQ(newest_lost_count(*image), 2U);
}

// What it promises must hold for segments of the largest numbers there are.
TEST_F(ManifestStoreTest, HasRoomForAsManySegmentsAsItSays) {
  ManifestStore small(*directory, /*bytes_max=*/16 * kKiB);
  ASSERT_TRUE(small.load(Access::kReadWrite).has_value());
  ASSERT_TRUE(small.create_if_missing().has_value());
  EXPECT_EQ(small.segments_max(), SIZE_MAX) << "not known before the first";
  Manifest manifest;
  ASSERT_TRUE(small.store(manifest).has_value());
  EXPECT_GT(small.segments_max(), 100U);
  std::uint64_t number = UINT64_MAX - 10'000;
  const auto add = [&](std::size_t count) {
    while (manifest.segments.size() < count) {
      const wal::Lsn lsn{number << 12U};
      manifest.segments.push_back({.number = {number},
                                   .slot = static_cast<wal::SlotId>(number),
                                   .nonce = number,
                                   .slot_bytes = std::uint64_t{1} << 63U,
                                   .first_lsn = lsn,
                                   .first_sequence = {number},
                                   .end_lsn = lsn,
                                   .end_sequence = {number},
                                   .key_id = number});
      ++number;
    }
  };
  for (int i = 0; i < 10; ++i) {
    add(small.segments_max());
    ASSERT_TRUE(small.store(manifest).has_value()) << manifest.segments.size();
  }
  EXPECT_LT(small.segments_max(), 200U);
  add(300);
  const auto refused = small.store(manifest);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace spillway::checkpoint
