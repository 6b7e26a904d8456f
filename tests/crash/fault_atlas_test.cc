// The fault atlas, sector by sector and file by file: zeroed, stale, unreadable and misplaced
// bytes, cut, missing, foreign and surplus files. A whole channel opens each damaged directory,
// delivers every undamaged transaction in order and once, reports exactly what is missing, and says
// the same at the next start.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/crash/damaged_store.h"
#include "tests/support/sim_store.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::test {
namespace {

#ifdef SPILLWAY_SWEEP_STRIDE
constexpr std::uint64_t kStride = SPILLWAY_SWEEP_STRIDE;
#else
constexpr std::uint64_t kStride = 1;
#endif

const std::uint64_t kSlotFileBytes = atlas_options().log.slot_bytes;

// Where the manifest file has contents: the start of each slot.
constexpr std::uint64_t kManifestUsedBytes = 4 * kKiB;

class FaultAtlasTest : public testing::TestWithParam<StoreKind> {
 protected:
  // Damage is the normal case here; thousands of lines about it help nobody.
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  FaultAtlasTest() : store_(build_store(GetParam())) {
    for (const std::string& path : store_.truth.pristine().paths()) {
      if (path.ends_with(".seg")) slots_.push_back(path);
    }
  }

  /// Opens `damaged` with a channel and compares with what must come out.
  void expect_survived(const DiskImage& damaged, const std::string& fault) {
    if (++damage_count_ % kStride != 0) return;
    ++tried_;
    const Expectation expected = store_.truth.expect(damaged);
    FlatDisk disk(damaged);
    const std::string found = difference(expected, read_with_channel(store_, disk));
    if (found.empty() || ++failures_ > 10) return;
    ADD_FAILURE() << fault << "\n" << found;
  }

  void TearDown() override {
    note_tried(kFaults, tried_);
    EXPECT_GT(tried_, 0U);
    EXPECT_EQ(failures_, 0U);
  }

  [[nodiscard]] DiskImage pristine() const { return store_.truth.pristine(); }

  /// Calls `change(image, path, offset)` for every sector of every slot file and of the manifest.
  template <class Change>
  void for_each_sector(const std::string& fault, Change change) {
    const auto one = [&](const std::string& path, std::uint64_t at) {
      DiskImage damaged = pristine();
      change(damaged, path, at);
      expect_survived(damaged, fault + " " + path + " " + std::to_string(at));
    };
    for (const std::string& path : slots_) {
      for (std::uint64_t at = 0; at < kSlotFileBytes; at += kSectorBytes) one(path, at);
    }
    for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
      const std::uint64_t begin = slot * checkpoint::kManifestSlotBytes;
      for (std::uint64_t at = 0; at < kManifestUsedBytes; at += kSectorBytes) {
        one(kManifestPath, begin + at);
      }
    }
  }

  const BuiltStore store_;
  std::vector<std::string> slots_;
  std::uint64_t damage_count_ = kStride - 1;
  std::uint64_t tried_ = 0;
  std::uint64_t failures_ = 0;
};

TEST_P(FaultAtlasTest, NoDamage) {
  expect_survived(pristine(), "no damage");
}

TEST_P(FaultAtlasTest, EveryZeroedSector) {
  const std::vector<std::byte> zeros(kSectorBytes);
  for_each_sector("zeroed", [&](DiskImage& image, const std::string& path, std::uint64_t at) {
    image.write(path, at, zeros);
  });
}

TEST_P(FaultAtlasTest, EverySectorThatLostItsLastWrite) {
  for_each_sector("stale", [&](DiskImage& image, const std::string& path, std::uint64_t at) {
    const DiskImage& earlier = store_.earlier;
    if (earlier.has(path)) image.write(path, at, earlier.read(path, at, kSectorBytes));
  });
}

TEST_P(FaultAtlasTest, EveryUnreadableBlock) {
  for (const std::string& path : slots_) {
    for (std::uint64_t at = 0; at < kSlotFileBytes; at += io::kBlockBytes) {
      DiskImage damaged = pristine();
      damaged.file(path).unreadable = {{at, at + io::kBlockBytes}};
      expect_survived(damaged, "unreadable " + path + " " + std::to_string(at));
    }
  }
  for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
    DiskImage damaged = pristine();
    const std::uint64_t at = slot * checkpoint::kManifestSlotBytes;
    damaged.file(kManifestPath).unreadable = {{at, at + io::kBlockBytes}};
    expect_survived(damaged, "unreadable manifest slot " + std::to_string(slot));
  }
}

TEST_P(FaultAtlasTest, EveryLengthOfACutSlot) {
  for (const std::string& path : slots_) {
    std::vector<std::uint64_t> sizes{1, 63, 64, 127, 129, 4095, 4097, 8191, 8193, 12'345, 20'001};
    for (std::uint64_t size = 0; size < kSlotFileBytes; size += kSectorBytes) sizes.push_back(size);
    for (const std::uint64_t size : sizes) {
      DiskImage damaged = pristine();
      damaged.cut(path, size);
      expect_survived(damaged, "cut " + path + " " + std::to_string(size));
    }
  }
}

TEST_P(FaultAtlasTest, EveryLengthOfACutManifest) {
  std::vector<std::uint64_t> sizes{1, 63, 65, 4095, 8191};
  for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
    const std::uint64_t begin = slot * checkpoint::kManifestSlotBytes;
    for (std::uint64_t at = 0; at <= kManifestUsedBytes; at += kSectorBytes) {
      sizes.push_back(begin + at);
    }
    sizes.push_back(begin + checkpoint::kManifestSlotBytes / 2 + 7);
  }
  for (const std::uint64_t size : sizes) {
    DiskImage damaged = pristine();
    damaged.cut(kManifestPath, size);
    expect_survived(damaged, "cut manifest " + std::to_string(size));
  }
}

// A misdirected write: the bytes of one block lie where another one belongs.
TEST_P(FaultAtlasTest, EveryBlockOverwrittenByAnother) {
  const auto& blocks = store_.truth.blocks();
  for (std::size_t to = 0; to < blocks.size(); ++to) {
    for (const std::size_t distance : {1U, 2U, 13U, 29U}) {
      const TruthBlock& source = blocks[(to + distance) % blocks.size()];
      DiskImage damaged = pristine();
      damaged.write(blocks[to].path, blocks[to].offset,
                    damaged.read(source.path, source.offset, blocks[to].disk_bytes()));
      expect_survived(damaged, "lsn " + std::to_string(blocks[to].header.lsn) +
                                   " overwritten by lsn " + std::to_string(source.header.lsn));
    }
  }
}

TEST_P(FaultAtlasTest, SwappedBlocks) {
  const auto& blocks = store_.truth.blocks();
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
    for (const std::size_t distance : {1U, 17U}) {
      const TruthBlock& a = blocks[i];
      const TruthBlock& b = blocks[(i + distance) % blocks.size()];
      DiskImage damaged = pristine();
      const auto bytes = damaged.read(a.path, a.offset, a.disk_bytes());
      damaged.write(a.path, a.offset, damaged.read(b.path, b.offset, a.disk_bytes()));
      damaged.write(b.path, b.offset, bytes);
      expect_survived(damaged, "swapped lsn " + std::to_string(a.header.lsn) + " and " +
                                   std::to_string(b.header.lsn));
    }
  }
}

TEST_P(FaultAtlasTest, EveryMissingSlot) {
  for (const std::string& path : slots_) {
    DiskImage damaged = pristine();
    damaged.erase(path);
    expect_survived(damaged, "missing " + path);
  }
}

TEST_P(FaultAtlasTest, SurplusSlots) {
  for (const std::string& path : slots_) {
    for (const wal::SlotId id : {77U, 4'000'000'000U}) {
      DiskImage damaged = pristine();
      const std::string copy = std::string(kDataPath) + "/" + wal::slot_name(id);
      damaged.create(copy) = damaged.file(path);
      expect_survived(damaged, "a copy of " + path + " as " + copy);
    }
  }
  DiskImage damaged = pristine();
  const std::string noise = std::string(kDataPath) + "/" + wal::slot_name(78);
  damaged.create(noise);
  damaged.write(noise, 0, std::vector<std::byte>(kSlotFileBytes, std::byte{0xA5}));
  expect_survived(damaged, "a slot of noise");
  FlatDisk disk(damaged);
  read_with_channel(store_, disk);
  EXPECT_EQ(disk.image.read(noise, 0, kSlotFileBytes),
            std::vector<std::byte>(kSlotFileBytes, std::byte{0xA5}))
      << "what we do not understand is not ours to overwrite";
}

TEST_P(FaultAtlasTest, SlotOfAnotherChannelIsLeftAlone) {
  for (const std::string& path : slots_) {
    auto header = wal::decode_segment_header(pristine().read(path, 0, wal::kSegmentDataOffset));
    if (!header) continue;
    header->channel_id.fill(std::byte{0x42});
    std::vector<std::byte> bytes(wal::kSegmentDataOffset);
    wal::encode_segment_header(*header, bytes);
    DiskImage damaged = pristine();
    const std::string foreign = std::string(kDataPath) + "/" + wal::slot_name(79);
    damaged.create(foreign) = damaged.file(path);
    damaged.write(foreign, 0, bytes);
    expect_survived(damaged, "foreign slot made of " + path);
    FlatDisk disk(damaged);
    read_with_channel(store_, disk);
    EXPECT_EQ(disk.image.read(foreign, 0, kSlotFileBytes),
              damaged.read(foreign, 0, kSlotFileBytes));
  }
}

TEST_P(FaultAtlasTest, DamagedManifests) {
  const auto damage = [](DiskImage& image, std::size_t slot) {
    const std::uint64_t at = slot * checkpoint::kManifestSlotBytes + 30;
    image.write(kManifestPath, at, std::vector<std::byte>(8, std::byte{0x11}));
  };
  for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
    DiskImage damaged = pristine();
    damage(damaged, slot);
    expect_survived(damaged, "manifest slot " + std::to_string(slot));
  }
  DiskImage both = pristine();
  damage(both, 0);
  damage(both, 1);
  expect_survived(both, "both manifest slots");
  DiskImage none = pristine();
  none.erase(kManifestPath);
  expect_survived(none, "no manifest");
}

// With the manifest gone the segments themselves must say what they are.
TEST_P(FaultAtlasTest, DamagedBlockAndNoManifest) {
  const auto& blocks = store_.truth.blocks();
  for (std::size_t i = 0; i < blocks.size(); i += 3) {
    DiskImage damaged = pristine();
    damaged.erase(kManifestPath);
    damaged.write(blocks[i].path, blocks[i].offset + 8, std::vector<std::byte>(8, std::byte{0x11}));
    expect_survived(damaged, "no manifest, and block at " + std::to_string(blocks[i].header.lsn));
  }
}

// The manifest and a part of the slots on one disk that is gone: what is on the other one must come
// out. Of the oldest segment nothing is left that says it was not reclaimed.
TEST_P(FaultAtlasTest, MissingSlotAndNoManifest) {
  for (std::size_t i = 1; i < store_.truth.segments().size(); ++i) {
    DiskImage damaged = pristine();
    damaged.erase(kManifestPath);
    damaged.erase(std::string(kDataPath) + "/" + wal::slot_name(store_.truth.segments()[i].slot));
    expect_survived(damaged, "no manifest, and segment " + std::to_string(i) + " missing");
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, FaultAtlasTest,
                         testing::Values(StoreKind::kStopped, StoreKind::kCrashed,
                                         StoreKind::kQuiet),
                         [](const auto& kind) { return store_name(kind.param); });

}  // namespace
}  // namespace spillway::test
