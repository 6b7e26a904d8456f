// A manifest slot comes back exactly as written or not at all.

#include "checkpoint/manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/manifest.pb.h"
#include "wal/base/hash.h"
#include "wal/base/random.h"

namespace spillway::checkpoint {
namespace {

wal::Segment segment(std::uint64_t number, std::uint64_t first_block, std::uint64_t end_block) {
  return {.number = {number},
          .slot = static_cast<wal::SlotId>(number + 10),
          .nonce = number * 0x9E3779B97F4A7C15U | 1U,
          .slot_bytes = 128 * kKiB,
          .first_lsn = {first_block * 4096},
          .first_sequence = {first_block * 3 + 1},
          .end_lsn = {end_block * 4096},
          .end_sequence = {end_block * 3 + 1},
          .is_sealed = true};
}

Manifest some_manifest() {
  Manifest manifest;
  manifest.generation = 12;
  manifest.end = {.lsn = {50 * 4096},
                  .next_sequence = {151},
                  .chain_hash = 0xFEDCBA9876543210,
                  .last_segment = {5}};
  manifest.is_clean = true;
  manifest.acks = AckState({33});
  manifest.read_lsn = {9 * 4096};
  manifest.read_sequence = {28};
  manifest.lost_entries = 4;
  manifest.channel_id.fill(std::byte{0x5A});
  manifest.acks.add({{40}, {50}});
  manifest.acks.add({{60}, {61}});
  manifest.segments = {segment(3, 5, 25), segment(4, 25, 40), segment(5, 40, 50)};
  manifest.segments.back().is_sealed = false;
  manifest.bookmarks.set({.key = "r2", .value = ""});
  manifest.bookmarks.set({.key = "r1", .value = "tail1 5"});
  return manifest;
}

bool is_same(const wal::Segment& a, const wal::Segment& b) {
  return a.number == b.number && a.slot == b.slot && a.nonce == b.nonce &&
         a.slot_bytes == b.slot_bytes && a.first_lsn == b.first_lsn &&
         a.first_sequence == b.first_sequence && a.end_lsn == b.end_lsn &&
         a.end_sequence == b.end_sequence && a.is_sealed == b.is_sealed;
}

bool is_same(const Manifest& a, const Manifest& b) {
  if (a.segments.size() != b.segments.size()) return false;
  for (std::size_t i = 0; i < a.segments.size(); ++i) {
    if (!is_same(a.segments[i], b.segments[i])) return false;
  }
  return a.generation == b.generation && a.channel_id == b.channel_id && a.end.lsn == b.end.lsn &&
         a.end.next_sequence == b.end.next_sequence && a.end.chain_hash == b.end.chain_hash &&
         a.end.last_segment == b.end.last_segment && a.is_clean == b.is_clean &&
         a.acks.below() == b.acks.below() && a.acks.ranges() == b.acks.ranges() &&
         a.read_lsn == b.read_lsn && a.read_sequence == b.read_sequence &&
         a.lost_entries == b.lost_entries && a.bookmarks == b.bookmarks;
}

struct Slot {
  std::vector<std::byte> bytes = std::vector<std::byte>(kManifestSlotBytes);
  std::size_t used = 0;  // header and payload
};

Slot encoded(const Manifest& manifest) {
  Slot slot;
  const auto size = encode_manifest(manifest, slot.bytes);
  EXPECT_TRUE(size.has_value());
  EXPECT_EQ(size.value_or(0) % 4096, 0U);
  slot.used = kManifestHeaderBytes + load_le<ManifestHeader>(slot.bytes.data()).payload_bytes;
  EXPECT_LE(slot.used, size.value_or(0));
  return slot;
}

TEST(ManifestTest, IsReadBack) {
  const auto read = decode_manifest(encoded(some_manifest()).bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, some_manifest()));
}

TEST(ManifestTest, OfAnEmptyChannelIsReadBack) {
  Manifest empty;
  empty.generation = 1;
  const auto read = decode_manifest(encoded(empty).bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, empty));
}

TEST(ManifestTest, EveryFlippedBitOfItIsNoticed) {
  Slot slot = encoded(some_manifest());
  for (std::size_t i = 0; i < slot.used; ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      slot.bytes[i] ^= static_cast<std::byte>(1U << bit);
      ASSERT_FALSE(decode_manifest(slot.bytes).has_value()) << "byte " << i << " bit " << bit;
      slot.bytes[i] ^= static_cast<std::byte>(1U << bit);
    }
  }
}

TEST(ManifestTest, BytesBehindItDoNotMatter) {
  Slot slot = encoded(some_manifest());
  for (std::size_t i = slot.used; i < 4096; ++i) slot.bytes[i] = std::byte{0xEE};
  const auto read = decode_manifest(slot.bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, some_manifest()));
}

TEST(ManifestTest, EveryTruncationIsNoticed) {
  const Slot slot = encoded(some_manifest());
  const ByteSpan bytes(slot.bytes);
  for (std::size_t size = 0; size < slot.used; ++size) {
    ASSERT_FALSE(decode_manifest(bytes.first(size)).has_value()) << size;
  }
  EXPECT_TRUE(decode_manifest(bytes.first(slot.used)).has_value());
}

TEST(ManifestTest, UnwrittenSlotIsNone) {
  EXPECT_FALSE(decode_manifest(std::vector<std::byte>(kManifestSlotBytes)).has_value());
}

// Contradictions under a right hash: a program with a bug, or an enemy, wrote them.
TEST(ManifestTest, ContradictionsAreRefusedThoughTheHashIsRight) {
  const std::vector<std::pair<const char*, std::function<void(Manifest&)>>> wrong{
      {"segment of no size", [](Manifest& m) { m.segments[0].slot_bytes = 8192; }},
      {"unaligned segment", [](Manifest& m) { m.segments[0].slot_bytes += 1; }},
      {"end before start", [](Manifest& m) { m.segments[0].end_lsn = {0}; }},
      {"longer than its slot", [](Manifest& m) { m.segments[2].slot_bytes = 12 * 1024; }},
      {"sequences go back", [](Manifest& m) { m.segments[1].end_sequence = {2}; }},
      {"numbers go back", [](Manifest& m) { m.segments[1].number = {3}; }},
      {"segments overlap", [](Manifest& m) { m.segments[0].end_lsn += 4096; }},
      {"entries overlap", [](Manifest& m) { m.segments[0].end_sequence += 1; }},
      {"log ends elsewhere", [](Manifest& m) { m.end.lsn += 4096; }},
      {"log ends with another entry", [](Manifest& m) { m.end.next_sequence += 1; }},
      {"acknowledged what was never written",
       [](Manifest& m) { m.acks = AckState(m.end.next_sequence + 1); }},
      {"acknowledged a range that was never written",
       [](Manifest& m) {
         m.acks.add({m.end.next_sequence, m.end.next_sequence + 1});
       }},
      {"two segments in one slot", [](Manifest& m) { m.segments[0].slot = m.segments[1].slot; }},
      {"unaligned block address", [](Manifest& m) { m.segments[0].first_lsn.value += 8; }},
      {"unaligned place to read on", [](Manifest& m) { m.read_lsn.value += 8; }},
      {"a generation that has no next", [](Manifest& m) { m.generation = UINT64_MAX; }},
      {"an address that would wrap around",
       [](Manifest& m) {
         const std::uint64_t far = UINT64_MAX - 128 * kKiB + 1;
         m.segments[2].first_lsn = m.segments[2].end_lsn = m.end.lsn = {far};
       }},
      {"a sequence that has no next", [](Manifest& m) { m.end.next_sequence = {UINT64_MAX}; }},
      {"a segment number that has no next", [](Manifest& m) { m.end.last_segment = {UINT64_MAX}; }},
      {"a place to read on that would wrap around",
       [](Manifest& m) { m.read_lsn = {UINT64_MAX - 4095}; }},
      {"a sequence to read on from that has no next",
       [](Manifest& m) { m.read_sequence = {UINT64_MAX}; }},
      {"acknowledged before they were put",
       [](Manifest& m) {
         m.acks.add({{200}, {210}});
       }},
      {"a slot no file is as large as", [](Manifest& m) { m.segments[0].slot_bytes = 1ULL << 62; }},
      {"a segment above the highest", [](Manifest& m) { m.end.last_segment = {4}; }},
      {"nothing is acknowledged below 0", [](Manifest& m) { m.acks = AckState({0}); }},
      {"entries wait, and no segment holds them", [](Manifest& m) { m.segments.clear(); }},
      {"a bookmark that no put could have brought",
       [](Manifest& m) {
         m.bookmarks.set(
             {.key = std::string(wal::kBookmarkKeyBytesMax + 1, 'k'), .value = "value"});
       }},
  };
  for (const auto& [name, change] : wrong) {
    Manifest manifest = some_manifest();
    change(manifest);
    EXPECT_FALSE(decode_manifest(encoded(manifest).bytes).has_value()) << name;
  }
}

TEST(ManifestTest, SegmentMayReachOverAGapLeftByLostOnes) {
  Manifest manifest = some_manifest();
  manifest.segments[1].slot_bytes = 16 * 1024;  // two blocks; it reaches over 15
  const auto read = decode_manifest(encoded(manifest).bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, manifest));
}

TEST(ManifestTest, SegmentsMayBeMissingInBetween) {
  Manifest manifest = some_manifest();
  manifest.segments.erase(manifest.segments.begin() + 1);
  const auto read = decode_manifest(encoded(manifest).bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, manifest));
}

TEST(ManifestTest, PayloadThatIsNoMessageIsRefused) {
  Slot slot = encoded(some_manifest());
  for (std::size_t i = kManifestHeaderBytes; i < slot.used; ++i) slot.bytes[i] = std::byte{0xFF};
  auto header = load_le<ManifestHeader>(slot.bytes.data());
  const ByteSpan bytes(slot.bytes);
  header.hash = xxh3_64(bytes.first(offsetof(ManifestHeader, hash)),
                        bytes.subspan(kManifestHeaderBytes, header.payload_bytes), 0);
  store_le(slot.bytes.data(), header);
  EXPECT_FALSE(decode_manifest(slot.bytes).has_value());
}

TEST(ManifestTest, RoomForTwentyThousandSegments) {
  Manifest manifest;
  std::uint64_t block = 1'000'000'000;
  for (std::uint64_t i = 1; i <= 20'000; ++i) {
    manifest.segments.push_back(segment(1'000'000 + i, block, block + 30));
    block += 30;
  }
  manifest.segments.back().is_sealed = false;
  manifest.end = {.lsn = manifest.segments.back().end_lsn,
                  .next_sequence = manifest.segments.back().end_sequence,
                  .chain_hash = 0,
                  .last_segment = manifest.segments.back().number};
  const auto read = decode_manifest(encoded(manifest).bytes);
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(is_same(*read, manifest));
}

TEST(ManifestTest, TooManySegmentsAreRefusedBeforeAnythingIsWritten) {
  Manifest manifest;
  for (std::uint64_t i = 1; i <= 60'000; ++i) manifest.segments.push_back(segment(i, i, i + 1));
  std::vector<std::byte> slot(kManifestSlotBytes, std::byte{0x77});
  EXPECT_FALSE(encode_manifest(manifest, slot).has_value());
  EXPECT_EQ(slot.front(), std::byte{0x77});
}

}  // namespace
}  // namespace spillway::checkpoint
