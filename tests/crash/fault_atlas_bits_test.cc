// The fault atlas, bit by bit: whatever single bit of a channel directory flips, every undamaged
// transaction is delivered in order and once, and exactly what is missing is reported.
//
// Every bit that any checksum covers is tried; padding, which none covers, in chunks inverted whole
// (SPILLWAY_ATLAS_BITS=all: bit by bit, too). What must come out is derived by StoreTruth from the
// damaged bytes, not by recovery. The one thing that cannot be told from a write cut short is
// damage to the last block of a log that nothing has been written behind, in a directory that was
// not closed: StoreTruth calls it unprovable. OnlyTheLastBlockOfACrashedLogIsUnprovable shows that
// it is nothing else, and that the block which a quiet log writes by itself leaves nothing at all.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/crash/damaged_store.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/segment_header.h"

namespace spillway::test {
namespace {

constexpr std::size_t kChunkBytes = 64;

#ifdef SPILLWAY_SWEEP_STRIDE
constexpr std::uint64_t kStride = SPILLWAY_SWEEP_STRIDE;
#else
constexpr std::uint64_t kStride = 1;
#endif

// Bytes of one file among which every flipped bit has the same consequence.
struct Region {
  std::string name;
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
  bool is_checked = false;  // covered by a checksum
};

void xor_bytes(DiskImage& image, const std::string& path, std::uint64_t offset,
               std::uint64_t size_bytes, std::byte mask) {
  auto bytes = image.read(path, offset, size_bytes);
  for (std::byte& byte : bytes) byte ^= mask;
  image.write(path, offset, bytes);
}

void add_block_regions(const StoreTruth& truth, std::vector<Region>& regions) {
  for (const TruthBlock& block : truth.blocks()) {
    const std::string name = "block at lsn " + std::to_string(block.header.lsn);
    regions.push_back({name, block.path, block.offset, block.hashed.size(), true});
    regions.push_back({name + ", padding", block.path, block.offset + block.hashed.size(),
                       block.disk_bytes() - block.hashed.size(), false});
  }
}

// Headers of all slots, and the space behind the last block of the last segment.
void add_slot_regions(const StoreTruth& truth, std::vector<Region>& regions) {
  for (const wal::Segment& segment : truth.segments()) {
    const std::string path = std::string(kDataPath) + "/" + wal::slot_name(segment.slot);
    for (std::size_t copy = 0; copy < wal::kSegmentHeaderCopies; ++copy) {
      const std::uint64_t at = copy * wal::kBlockAlignBytes;
      const std::string name = path + ", header copy " + std::to_string(copy);
      regions.push_back({name, path, at, wal::kSegmentHeaderBytes, true});
      regions.push_back({name + ", padding", path, at + wal::kSegmentHeaderBytes,
                         wal::kBlockAlignBytes - wal::kSegmentHeaderBytes, false});
    }
    const std::uint64_t end = segment.offset_of(segment.end_lsn);
    regions.push_back({path + ", free space", path, end, segment.slot_bytes - end, false});
  }
}

struct Tally {
  std::uint64_t flips = 0;
  std::uint64_t failures = 0;
};

class AtlasBitsTest : public testing::TestWithParam<StoreKind> {
 protected:
  // Damage is the normal case here; thousands of lines about it help nobody.
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  AtlasBitsTest() : store_(build_store(GetParam())), disk_(store_.truth.pristine()) {}

  // Damages, reads, compares and mends.
  void try_mask(const Region& region, std::uint64_t offset, std::uint64_t size_bytes,
                std::byte mask, const Expectation& expected) {
    if (++damage_count_ % kStride != 0) return;
    xor_bytes(disk_.image, region.path, offset, size_bytes, mask);
    const std::string found = difference(expected, engine_.read(disk_));
    xor_bytes(disk_.image, region.path, offset, size_bytes, mask);
    ++tally_.flips;
    if (found.empty() || ++tally_.failures > 10) return;
    ADD_FAILURE() << region.name << ": byte " << offset - region.offset << " of "
                  << region.size_bytes << " xor " << static_cast<int>(mask) << "\n"
                  << found;
  }

  void sweep(const Region& region) {
    if (region.size_bytes == 0 || tally_.failures > 10) return;
    DiskImage damaged = store_.truth.pristine();
    xor_bytes(damaged, region.path, region.offset, 1, std::byte{1});
    const Expectation expected = store_.truth.expect(damaged);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets the environment
    const char* const wanted = std::getenv("SPILLWAY_ATLAS_BITS");
    const bool is_bitwise =
        region.is_checked || (wanted != nullptr && std::string_view(wanted) == "all");
    const std::uint64_t step = is_bitwise ? 1 : kChunkBytes;
    for (std::uint64_t at = 0; at < region.size_bytes; at += step) {
      const std::uint64_t size = std::min(step, region.size_bytes - at);
      if (!is_bitwise) {
        try_mask(region, region.offset + at, size, std::byte{0xFF}, expected);
        continue;
      }
      for (unsigned bit = 0; bit < 8; ++bit) {
        try_mask(region, region.offset + at, 1, static_cast<std::byte>(1U << bit), expected);
      }
    }
  }

  void sweep_all(const std::vector<Region>& regions) {
    for (const Region& region : regions) sweep(region);
    note_tried(kFaults, tally_.flips);
    EXPECT_EQ(tally_.failures, 0U);
    EXPECT_GT(tally_.flips, 300U);
  }

  const BuiltStore store_;
  FlatDisk disk_;
  EngineReading engine_{store_};
  Tally tally_;
  std::uint64_t damage_count_ = 0;
};

TEST_P(AtlasBitsTest, UndamagedStoreIsReadWhole) {
  const Expectation expected = store_.truth.expect(store_.truth.pristine());
  EXPECT_TRUE(expected.lost.empty());
  EXPECT_TRUE(expected.unprovable.empty());
  EXPECT_GT(expected.delivered.size(), 40U);
  EXPECT_EQ(*expected.delivered.rbegin(), store_.bodies.size());
  EXPECT_EQ(difference(expected, engine_.read(disk_)), "");
  EXPECT_GT(store_.truth.segments().size(), 2U);
}

TEST_P(AtlasBitsTest, EveryBitOfEveryBlock) {
  std::vector<Region> regions;
  add_block_regions(store_.truth, regions);
  engine_.keep_manifest(disk_);
  sweep_all(regions);
}

TEST_P(AtlasBitsTest, EveryBitOfHeadersAndFreeSpace) {
  std::vector<Region> regions;
  add_slot_regions(store_.truth, regions);
  engine_.keep_manifest(disk_);
  sweep_all(regions);
}

TEST_P(AtlasBitsTest, EveryBitOfTheManifest) {
  std::vector<Region> regions;
  for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
    const std::uint64_t at = slot * checkpoint::kManifestSlotBytes;
    const auto head = disk_.image.read(kManifestPath, at, checkpoint::kManifestHeaderBytes);
    const auto header = load_le<checkpoint::ManifestHeader>(head.data());
    const std::uint64_t used = checkpoint::kManifestHeaderBytes + header.payload_bytes;
    const std::string name = "manifest slot " + std::to_string(slot);
    regions.push_back({name, kManifestPath, at, used, true});
    regions.push_back({name + ", behind", kManifestPath, at + used, 4096 - used % 4096, false});
  }
  sweep_all(regions);
}

TEST_P(AtlasBitsTest, OnlyTheLastBlockOfACrashedLogIsUnprovable) {
  Sequences unprovable;
  for (const TruthBlock& block : store_.truth.blocks()) {
    DiskImage damaged = store_.truth.pristine();
    xor_bytes(damaged, block.path, block.offset, 1, std::byte{1});
    const Sequences some = store_.truth.expect(damaged).unprovable;
    unprovable.insert(some.begin(), some.end());
  }
  Sequences last;
  if (GetParam() == StoreKind::kCrashed) store_.truth.blocks().back().add_sequences(last);
  EXPECT_EQ(unprovable, last);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AtlasBitsTest,
                         testing::Values(StoreKind::kStopped, StoreKind::kCrashed,
                                         StoreKind::kQuiet),
                         [](const auto& kind) { return store_name(kind.param); });

}  // namespace
}  // namespace spillway::test
