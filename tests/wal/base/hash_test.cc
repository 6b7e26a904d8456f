// xxh3_64 gives the published values, the same for one span, two spans and a stream.
#include "wal/base/hash.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/base/random.h"

namespace spillway {
namespace {

std::vector<std::byte> random_bytes(std::size_t count) {
  Random random(count);
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
  return bytes;
}

TEST(HashTest, MatchesThePublishedValues) {
  // XXH3_64bits of the empty input is a constant of the specification.
  EXPECT_EQ(xxh3_64(ByteSpan(), 0), 0x2D06800538D394C2U);
  // What libxxhash 0.8.1 gives for the same bytes.
  EXPECT_EQ(xxh3_64(as_bytes("abc"), 0), 0x78AF5F94892F3950U);
}

TEST(HashTest, TwoSpansHashLikeTheirConcatenation) {
  // Lengths around every internal path of xxh3: 0, 16, 128, 240 and its 1024-byte blocks.
  for (const std::size_t size : {0U, 1U, 3U, 16U, 17U, 128U, 129U, 240U, 241U, 1024U, 5000U}) {
    const std::vector<std::byte> bytes = random_bytes(size);
    const ByteSpan all(bytes);
    for (const std::size_t cut : {std::size_t{0}, size / 3, size / 2, size}) {
      EXPECT_EQ(xxh3_64(all.first(cut), all.subspan(cut), 7), xxh3_64(all, 7))
          << size << " bytes, cut at " << cut;
    }
  }
}

TEST(HashTest, StreamHashesLikeOneSpanAndGoesOnAfterDigest) {
  const std::vector<std::byte> bytes = random_bytes(3000);
  const ByteSpan all(bytes);
  Xxh3Stream stream(99);
  EXPECT_EQ(stream.digest(), xxh3_64(ByteSpan(), 99));
  for (std::size_t at = 0; at < bytes.size(); at += 250) {
    stream.update({});
    stream.update(all.subspan(at, 250));
    EXPECT_EQ(stream.digest(), xxh3_64(all.first(at + 250), 99)) << at;
  }
}

TEST(HashTest, SeedAndEveryBitMatter) {
  std::vector<std::byte> bytes = random_bytes(300);
  const std::uint64_t before = xxh3_64(bytes, 1);
  EXPECT_NE(before, xxh3_64(bytes, 2));
  for (std::byte& byte : bytes) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      byte ^= static_cast<std::byte>(1U << bit);
      EXPECT_NE(xxh3_64(bytes, 1), before);
      byte ^= static_cast<std::byte>(1U << bit);
    }
  }
}

}  // namespace
}  // namespace spillway
