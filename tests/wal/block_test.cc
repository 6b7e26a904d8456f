// A commit block is accepted only as it was written, at its own address, in its own incarnation;
// and blank space is told apart from a damaged block.

#include "wal/block.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "wal/base/random.h"

namespace spillway::wal {
namespace {

constexpr std::uint64_t kSeed = 77;
constexpr BlockPlace kPlace{
    .nonce = 0x1234567890ABCDEF, .lsn = {8 * 4096}, .bytes_max = 4 * 4096, .seed = kSeed};

BlockHeader header_of(std::uint32_t payload_bytes) {
  return {.segment_nonce = kPlace.nonce,
          .lsn = kPlace.lsn.value,
          .durable_lsn = 7 * 4096,
          .first_sequence = 42,
          .payload_bytes = payload_bytes,
          .entry_count = 3,
          .previous_hash = 99};
}

// A sealed block with random payload, and garbage in front of the padding's zeroing.
std::vector<std::byte> sealed(std::uint32_t payload_bytes, BlockHeader& header) {
  Random random(payload_bytes + 1);
  std::vector<std::byte> bytes(block_bytes(payload_bytes));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  header = header_of(payload_bytes);
  seal_block(bytes, header, kSeed);
  return bytes;
}

bool is_accepted(ByteSpan bytes, const BlockPlace& place) {
  BlockHeader header;
  return check_block_header(bytes, place, header) == BlockState::kValid &&
         block_bytes(header.payload_bytes) <= bytes.size() &&
         is_block_intact(bytes, header, place.seed);
}

TEST(BlockTest, TakesWholeBlocksOfTheDevice) {
  EXPECT_EQ(block_bytes(0), 4096U);
  EXPECT_EQ(block_bytes(4096 - kBlockHeaderBytes), 4096U);
  EXPECT_EQ(block_bytes(4096 - kBlockHeaderBytes + 1), 2U * 4096);
}

TEST(BlockTest, SealedBlockIsReadBack) {
  for (const std::uint32_t payload_bytes : {0U, 1U, 500U, 4032U, 4033U, 9000U}) {
    BlockHeader written;
    const auto bytes = sealed(payload_bytes, written);
    BlockHeader read;
    ASSERT_EQ(check_block_header(bytes, kPlace, read), BlockState::kValid);
    EXPECT_TRUE(is_block_intact(bytes, read, kSeed));
    EXPECT_EQ(read.first_sequence, 42U);
    EXPECT_EQ(read.entry_count, 3U);
    EXPECT_EQ(read.payload_bytes, payload_bytes);
    EXPECT_EQ(read.hash, written.hash);
    for (std::size_t i = kBlockHeaderBytes + payload_bytes; i < bytes.size(); ++i) {
      ASSERT_EQ(bytes[i], std::byte{0}) << "padding at " << i;
    }
  }
}

TEST(BlockTest, EveryFlippedBitInHeaderAndPayloadIsNoticed) {
  BlockHeader header;
  auto bytes = sealed(300, header);
  const std::size_t used = kBlockHeaderBytes + 300;
  for (std::size_t i = 0; i < used; ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      bytes[i] ^= static_cast<std::byte>(1U << bit);
      ASSERT_FALSE(is_accepted(bytes, kPlace)) << "byte " << i << " bit " << bit;
      bytes[i] ^= static_cast<std::byte>(1U << bit);
    }
  }
  EXPECT_TRUE(is_accepted(bytes, kPlace));
}

// The same block with one field changed, sealed again: the hash is right, the field is not.
struct WrongField {
  const char* name;
  std::function<void(BlockHeader&)> change;
  BlockState expected;
};

TEST(BlockTest, EveryImpossibleFieldIsRefusedThoughTheHashIsRight) {
  const std::vector<WrongField> wrong{
      {"magic", [](BlockHeader& h) { h.magic ^= 1; }, BlockState::kDamaged},
      {"version", [](BlockHeader& h) { h.version = 2; }, BlockState::kDamaged},
      {"unknown flag", [](BlockHeader& h) { h.flags = 2; }, BlockState::kDamaged},
      {"other incarnation", [](BlockHeader& h) { h.segment_nonce ^= 4; }, BlockState::kBlank},
      {"other address", [](BlockHeader& h) { h.lsn += 4096; }, BlockState::kDamaged},
      {"proof of itself", [](BlockHeader& h) { h.durable_lsn = h.lsn + 1; }, BlockState::kDamaged},
  };
  for (const WrongField& one : wrong) {
    std::vector<std::byte> bytes(block_bytes(100));
    BlockHeader header = header_of(100);
    one.change(header);
    seal_block(bytes, header, kSeed);
    BlockHeader read;
    EXPECT_EQ(check_block_header(bytes, kPlace, read), one.expected) << one.name;
  }
}

TEST(BlockTest, BlockMayNotReachBeyondItsSegment) {
  BlockHeader header;
  const auto bytes = sealed(4033, header);  // two device blocks
  BlockPlace place = kPlace;
  place.bytes_max = 2 * 4096;
  EXPECT_TRUE(is_accepted(bytes, place));
  place.bytes_max = 4096;
  EXPECT_EQ(check_block_header(bytes, place, header), BlockState::kDamaged);
}

TEST(BlockTest, HugePayloadSizeDoesNotOverflow) {
  std::vector<std::byte> bytes(4096);
  BlockHeader header = header_of(UINT32_MAX);
  store_le(bytes.data(), header);
  EXPECT_EQ(check_block_header(bytes, kPlace, header), BlockState::kDamaged);
}

TEST(BlockTest, ZerosAreBlank) {
  const std::vector<std::byte> zeros(4096);
  BlockHeader header;
  EXPECT_EQ(check_block_header(zeros, kPlace, header), BlockState::kBlank);
}

TEST(BlockTest, AnotherChannelsBlockIsNeverIntact) {
  BlockHeader header;
  const auto bytes = sealed(100, header);
  EXPECT_TRUE(is_block_intact(bytes, header, kSeed));
  EXPECT_FALSE(is_block_intact(bytes, header, kSeed + 1));
}

TEST(BlockTest, HashSeedDependsOnEveryByteOfTheChannelId) {
  const ChannelId id{};
  for (std::size_t i = 0; i < id.size(); ++i) {
    ChannelId other = id;
    other[i] = std::byte{1};
    EXPECT_NE(hash_seed(other), hash_seed(id)) << i;
  }
}

}  // namespace
}  // namespace spillway::wal
