// A segment's identity survives the loss of either of its two copies, and nothing else passes for
// a segment header.

#include "wal/segment_header.h"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "wal/base/hash.h"

namespace spillway::wal {
namespace {

SegmentHeader some_header() {
  SegmentHeader header{.number = 7,
                       .nonce = 0xABCDEF,
                       .first_lsn = 5 * 4096,
                       .first_sequence = 100,
                       .slot_bytes = kMiB,
                       .predecessor_number = 6,
                       .predecessor_hash = 0x55,
                       .acked_below = 90,
                       .created_wall_ms = 1'700'000'000'000};
  header.channel_id.fill(std::byte{0x3C});
  return header;
}

std::vector<std::byte> encoded() {
  std::vector<std::byte> bytes(kSegmentDataOffset);
  encode_segment_header(some_header(), bytes);
  return bytes;
}

bool is_same(const SegmentHeader& a, const SegmentHeader& b) {
  return a.channel_id == b.channel_id && a.number == b.number && a.nonce == b.nonce &&
         a.first_lsn == b.first_lsn && a.first_sequence == b.first_sequence &&
         a.slot_bytes == b.slot_bytes && a.predecessor_number == b.predecessor_number &&
         a.predecessor_hash == b.predecessor_hash && a.acked_below == b.acked_below &&
         a.created_wall_ms == b.created_wall_ms;
}

// Writes `header` with a right hash at `at`.
void forge(std::vector<std::byte>& bytes, std::size_t at, SegmentHeader header) {
  store_le(bytes.data() + at, header);
  header.hash = xxh3_64(ByteSpan(bytes).subspan(at, offsetof(SegmentHeader, hash)), 0);
  store_le(bytes.data() + at, header);
}

std::vector<std::byte> encoded_with_key() {
  std::vector<std::byte> bytes(kSegmentDataOffset);
  SegmentHeader header = some_header();
  header.key_id = 0x1234;
  encode_segment_header(header, bytes, "key-0");
  return bytes;
}

TEST(SegmentHeaderTest, NamesItsKey) {
  const auto header = decode_segment_header(encoded_with_key());
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->key_id, 0x1234U);
  EXPECT_EQ(header->incompatible_flags, kEncryptedSegmentFlag);
  EXPECT_EQ(decode_key_alias(encoded_with_key()), "key-0");
  EXPECT_EQ(decode_key_alias(encoded()), "");
  EXPECT_EQ(decode_key_alias({}), "");
}

std::vector<std::byte> encoded_with(const std::vector<SequenceRange>& reclaimed) {
  std::vector<std::byte> bytes(kSegmentDataOffset);
  encode_segment_header(some_header(), bytes, {}, reclaimed);
  return bytes;
}

TEST(SegmentHeaderTest, NamesWhatWasReclaimed) {
  const std::vector<SequenceRange> reclaimed{{{5}, {17}}, {{40}, {41}}};
  const auto bytes = encoded_with(reclaimed);
  EXPECT_EQ(decode_reclaimed(bytes), reclaimed);
  ASSERT_TRUE(decode_segment_header(bytes).has_value());
  EXPECT_TRUE(is_same(*decode_segment_header(bytes), some_header()));
  EXPECT_TRUE(decode_reclaimed(encoded()).empty());
  EXPECT_TRUE(decode_reclaimed({}).empty());
}

TEST(SegmentHeaderTest, NamesAsManyReclaimedRangesAsFit) {
  std::vector<SequenceRange> reclaimed;
  for (std::uint64_t i = 1; i <= 300; ++i) reclaimed.push_back({{10 * i}, {10 * i + 3}});
  const auto read = decode_reclaimed(encoded_with(reclaimed));
  reclaimed.resize(244);
  EXPECT_EQ(read, reclaimed);
}

TEST(SegmentHeaderTest, DamagedReclaimedRangesCostNothingElse) {
  const std::vector<SequenceRange> reclaimed{{{5}, {17}}};
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    auto bytes = encoded_with(reclaimed);
    bytes[copy * kBlockAlignBytes + 300] ^= std::byte{1};
    EXPECT_EQ(decode_reclaimed(bytes), reclaimed) << "the other copy holds";
    bytes[(1 - copy) * kBlockAlignBytes + kReclaimedRangesOffset] ^= std::byte{1};
    EXPECT_TRUE(decode_reclaimed(bytes).empty());
    EXPECT_TRUE(decode_segment_header(bytes).has_value());
  }
}

TEST(SegmentHeaderTest, DamagedNameOfTheKeyIsADamagedCopy) {
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    auto bytes = encoded_with_key();
    bytes[copy * kBlockAlignBytes + kSegmentHeaderBytes + 3] ^= std::byte{1};
    EXPECT_TRUE(decode_segment_header(bytes).has_value());
    EXPECT_EQ(decode_key_alias(bytes), "key-0") << "the other copy holds";
    bytes[(1 - copy) * kBlockAlignBytes] ^= std::byte{1};
    EXPECT_FALSE(decode_segment_header(bytes).has_value());
    EXPECT_EQ(decode_key_alias(bytes), "");
  }
}

TEST(SegmentHeaderTest, WithoutAKeyIsAsItWasBeforeThereWereKeys) {
  const auto bytes = encoded();
  for (std::size_t at = 96; at < 120; ++at) EXPECT_EQ(bytes[at], std::byte{0}) << at;
  for (std::size_t at = kSegmentHeaderBytes; at < kBlockAlignBytes; ++at) {
    ASSERT_EQ(bytes[at], std::byte{0}) << at;
  }
}

TEST(SegmentHeaderTest, IsReadBack) {
  const auto header = decode_segment_header(encoded());
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(is_same(*header, some_header()));
}

TEST(SegmentHeaderTest, AnyDamageToOneCopyIsMendedByTheOther) {
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    auto bytes = encoded();
    for (std::size_t i = 0; i < kSegmentHeaderBytes; ++i) {
      const std::size_t at = copy * kBlockAlignBytes + i;
      bytes[at] ^= std::byte{0x10};
      const auto header = decode_segment_header(bytes);
      ASSERT_TRUE(header.has_value()) << at;
      EXPECT_TRUE(is_same(*header, some_header())) << at;
      bytes[at] ^= std::byte{0x10};
    }
  }
}

TEST(SegmentHeaderTest, DamageToBothCopiesIsNoticed) {
  for (std::size_t i = 0; i < kSegmentHeaderBytes; ++i) {
    auto bytes = encoded();
    for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
      bytes[copy * kBlockAlignBytes + i] ^= std::byte{0x01};
    }
    EXPECT_FALSE(decode_segment_header(bytes).has_value()) << i;
  }
}

TEST(SegmentHeaderTest, ShortFileMayStillHoldTheFirstCopy) {
  const auto bytes = encoded();
  EXPECT_TRUE(decode_segment_header(ByteSpan(bytes).first(kBlockAlignBytes)).has_value());
  EXPECT_TRUE(decode_segment_header(ByteSpan(bytes).first(kSegmentHeaderBytes)).has_value());
  EXPECT_FALSE(decode_segment_header(ByteSpan(bytes).first(kSegmentHeaderBytes - 1)).has_value());
  EXPECT_FALSE(decode_segment_header({}).has_value());
}

TEST(SegmentHeaderTest, WhatThisVersionCannotKnowIsRefused) {
  const std::vector<std::function<void(SegmentHeader&)>> wrong{
      [](SegmentHeader& h) { h.magic += 1; },
      [](SegmentHeader& h) { h.version = 2; },
      [](SegmentHeader& h) { h.incompatible_flags = 1; },
      [](SegmentHeader& h) { h.number = 0; },
  };
  for (const auto& change : wrong) {
    std::vector<std::byte> bytes(kSegmentDataOffset);
    SegmentHeader header = some_header();
    change(header);
    forge(bytes, 0, header);
    forge(bytes, kBlockAlignBytes, header);
    EXPECT_FALSE(decode_segment_header(bytes).has_value());
    forge(bytes, kBlockAlignBytes, some_header());
    EXPECT_TRUE(decode_segment_header(bytes).has_value()) << "the other copy holds";
  }
}

TEST(SegmentHeaderTest, CopyThatLostItsLastWriteDoesNotBringTheOldSegmentBack) {
  SegmentHeader older = some_header();
  older.number -= 3;
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    auto bytes = encoded();
    forge(bytes, copy * kBlockAlignBytes, older);
    const auto header = decode_segment_header(bytes);
    ASSERT_TRUE(header.has_value());
    EXPECT_TRUE(is_same(*header, some_header()));
  }
}

TEST(SegmentHeaderTest, BlankBytesAreNoHeader) {
  EXPECT_FALSE(decode_segment_header(std::vector<std::byte>(kSegmentDataOffset)).has_value());
}

}  // namespace
}  // namespace spillway::wal
