// An encrypted block is what docs/format.md says, opens only with its own key at its own place, and
// any change of a bit in it is noticed even by somebody who can mend the hash.

#include "wal/block_cipher.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wal/base/random.h"

namespace spillway::wal {
namespace {

constexpr std::uint64_t kCipherSeed = 77;

std::vector<std::byte> bytes_of_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<std::byte> secret_of(int first, std::size_t size = kMasterKeyBytesMax) {
  std::vector<std::byte> secret;
  for (std::size_t i = 0; i < size; ++i) {
    secret.push_back(static_cast<std::byte>(static_cast<std::size_t>(first) + i));
  }
  return secret;
}

class BlockCipherTest : public testing::Test {
 protected:
  BlockCipherTest() {
    for (std::size_t i = 0; i < channel.size(); ++i) channel[i] = static_cast<std::byte>(i);
    segment.number = {7};
    segment.nonce = 0x1122334455667789;
    segment.key_id = key.id();
  }

  [[nodiscard]] BlockHeader header_of(std::size_t payload_bytes) const {
    return {.segment_nonce = segment.nonce,
            .lsn = 8192,
            .durable_lsn = 8192,
            .first_sequence = 3,
            .payload_bytes = static_cast<std::uint32_t>(payload_bytes + kBlockTagBytes),
            .entry_count = 1,
            .previous_hash = 0x0102030405060708};
  }

  std::vector<std::byte> sealed(ByteSpan payload) {
    BlockCipher cipher(key, channel, segment);
    BlockHeader header = header_of(payload.size());
    std::vector<std::byte> block(block_bytes(header.payload_bytes));
    cipher.encrypt(payload, header, block);
    seal_block(block, header, kCipherSeed);
    return block;
  }

  // nullopt when it does not open.
  static std::optional<std::vector<std::byte>> opened(BlockCipher& cipher, ByteSpan block) {
    const auto header = load_le<BlockHeader>(block.data());
    std::vector<std::byte> payload(header.payload_bytes - kBlockTagBytes);
    if (!cipher.decrypt(block, header, payload)) return std::nullopt;
    return payload;
  }

  const MasterKey key{"k1", secret_of(0x40)};
  ChannelId channel{};
  Segment segment;
};

// Made with another implementation (pyca/cryptography) from the text of docs/format.md.
TEST_F(BlockCipherTest, BlockIsWhatTheFormatSays) {
  EXPECT_EQ(key.id(), 0x7211f6f076cd3871U);
  const auto payload = bytes_of_hex("0a150a130a0a0a04686f737412026e31120568656c6c6f120408011002");
  const auto block = sealed(payload);
  const auto expected = bytes_of_hex(
      "43933d75a5ba4a644147c09e3cc2b97902da52f2c333bfb81b0acb53a89983ac2a2fba6cf18ce404cc575535c1");
  ASSERT_EQ(expected.size(), payload.size() + kBlockTagBytes);
  const ByteSpan stored = ByteSpan(block).subspan(kBlockHeaderBytes, expected.size());
  EXPECT_TRUE(std::equal(stored.begin(), stored.end(), expected.begin()));
}

TEST_F(BlockCipherTest, PayloadOfAnySizeComesBack) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 4016U, 4017U, 70000U}) {
    Random random(size + 1);
    std::vector<std::byte> payload(size);
    for (std::byte& byte : payload) byte = static_cast<std::byte>(random());
    const auto block = sealed(payload);
    BlockCipher cipher(key, channel, segment);
    EXPECT_EQ(opened(cipher, block), std::optional(payload)) << size;
  }
}

TEST_F(BlockCipherTest, EveryBitIsAuthenticated) {
  const auto good = sealed(as_bytes("hello, world"));
  BlockCipher cipher(key, channel, segment);
  const std::size_t end = kBlockHeaderBytes + 12 + kBlockTagBytes;
  for (std::size_t at = 0; at < end; ++at) {
    const bool is_hash = at >= offsetof(BlockHeader, hash) && at < kBlockHeaderBytes;
    // Its own length says where the tag is; SegmentReader checks that it fits.
    const bool is_length =
        at >= offsetof(BlockHeader, payload_bytes) && at < offsetof(BlockHeader, entry_count);
    if (is_hash || is_length) continue;
    for (unsigned bit = 0; bit < 8; ++bit) {
      auto block = good;
      block[at] ^= static_cast<std::byte>(1U << bit);
      EXPECT_FALSE(opened(cipher, block).has_value()) << at << " bit " << bit;
    }
  }
  EXPECT_TRUE(opened(cipher, good).has_value()) << "and a failure leaves the cipher usable";
}

TEST_F(BlockCipherTest, ShorterLengthIsAuthenticated) {
  const auto good = sealed(as_bytes("hello, world"));
  BlockCipher cipher(key, channel, segment);
  for (std::uint32_t bytes = kBlockTagBytes; bytes < 12 + kBlockTagBytes; ++bytes) {
    auto block = good;
    store_le(block.data() + offsetof(BlockHeader, payload_bytes), bytes);
    EXPECT_FALSE(opened(cipher, block).has_value()) << bytes;
  }
}

TEST_F(BlockCipherTest, OpensOnlyInItsOwnSegment) {
  const auto block = sealed(as_bytes("hello"));
  const auto does_open = [&](const MasterKey& with, const ChannelId& in, Segment at) {
    at.key_id = with.id();
    BlockCipher cipher(with, in, at);
    return opened(cipher, block).has_value();
  };
  EXPECT_TRUE(does_open(key, channel, segment));
  EXPECT_TRUE(does_open(MasterKey("other name", secret_of(0x40)), channel, segment));
  EXPECT_FALSE(does_open(MasterKey("k1", secret_of(0x41)), channel, segment));
  EXPECT_FALSE(does_open(MasterKey("k1", secret_of(0x40, 16)), channel, segment));
  EXPECT_FALSE(does_open(key, {}, segment));
  Segment other = segment;
  other.number.value ^= 1;
  EXPECT_FALSE(does_open(key, channel, other));
  other = segment;
  other.nonce ^= 2;
  EXPECT_FALSE(does_open(key, channel, other));
}

TEST_F(BlockCipherTest, AddressIsNeverUsedTwice) {
  BlockCipher cipher(key, channel, segment);
  std::vector<std::byte> block(kBlockAlignBytes);
  BlockHeader header = header_of(5);
  cipher.encrypt(as_bytes("hello"), header, block);
  EXPECT_DEATH(cipher.encrypt(as_bytes("hello"), header, block), "lsn");
  header.lsn += kBlockAlignBytes;
  cipher.encrypt(as_bytes("hello"), header, block);
}

TEST_F(BlockCipherTest, SamePayloadLooksDifferentAtEveryAddress) {
  BlockCipher cipher(key, channel, segment);
  std::vector<std::byte> first(kBlockAlignBytes);
  std::vector<std::byte> second(kBlockAlignBytes);
  BlockHeader header = header_of(5);
  cipher.encrypt(as_bytes("hello"), header, first);
  header.lsn += kBlockAlignBytes;
  cipher.encrypt(as_bytes("hello"), header, second);
  EXPECT_FALSE(std::equal(first.begin() + kBlockHeaderBytes, first.begin() + kBlockHeaderBytes + 5,
                          second.begin() + kBlockHeaderBytes));
}

TEST(KeyRingTest, FindsKeysByNameAndById) {
  KeyRing ring;
  ASSERT_TRUE(ring.add("k1", secret_of(1)).has_value());
  ASSERT_TRUE(ring.add("k2", secret_of(2, 16)).has_value());
  ASSERT_TRUE(ring.add("k3", secret_of(3, 24)).has_value());
  EXPECT_EQ(ring.active(), nullptr);
  ASSERT_TRUE(ring.set_active("k2").has_value());
  EXPECT_EQ(ring.active()->alias(), "k2");
  EXPECT_EQ(ring.find(ring.find_alias("k1")->id())->alias(), "k1");
  EXPECT_EQ(ring.find(0), nullptr);
  EXPECT_NE(ring.find_alias("k1")->id(), ring.find_alias("k2")->id());
}

TEST(KeyRingTest, RefusesWhatIsNoKey) {
  KeyRing ring;
  ASSERT_TRUE(ring.add("k1", secret_of(1)).has_value());
  EXPECT_EQ(ring.add("k1", secret_of(2)).error().code, Errc::kBadConfig);
  EXPECT_EQ(ring.add("", secret_of(2)).error().code, Errc::kBadConfig);
  EXPECT_EQ(ring.add(std::string(65, 'k'), secret_of(2)).error().code, Errc::kBadConfig);
  for (const std::size_t size : {0U, 1U, 15U, 31U}) {
    EXPECT_EQ(ring.add("k2", secret_of(2, size)).error().code, Errc::kBadConfig) << size;
  }
  EXPECT_EQ(ring.add("k2", std::vector<std::byte>(33)).error().code, Errc::kBadConfig);
  EXPECT_EQ(ring.set_active("k2").error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace spillway::wal
