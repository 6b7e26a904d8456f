// The cache hands out what it was given and nothing else, within its budget.

#include "wal/block_cache.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace spillway::wal {
namespace {

Block block(std::uint64_t number) {
  Block made;
  made.header.lsn = number * 4096;
  made.header.first_sequence = number + 1;
  made.header.entry_count = 1;
  return made;  // no payload: 4096 bytes on disk
}

TEST(BlockCacheTest, HandsOutEachBlockOnce) {
  BlockCache cache(kMiB);
  for (std::uint64_t i = 0; i < 3; ++i) cache.add(block(i));
  EXPECT_EQ(cache.bytes(), 3U * 4096);
  EXPECT_EQ(cache.take({0})->first_sequence().value, 1U);
  EXPECT_FALSE(cache.take({0}).has_value());
  EXPECT_EQ(cache.take({4096})->first_sequence().value, 2U);
  EXPECT_EQ(cache.hits.value(), 2U);
  EXPECT_EQ(cache.misses.value(), 1U);
}

TEST(BlockCacheTest, ForgetsWhatTheReaderHasPassed) {
  BlockCache cache(kMiB);
  for (std::uint64_t i = 0; i < 5; ++i) cache.add(block(i));
  EXPECT_TRUE(cache.take({3 * 4096}).has_value());
  EXPECT_EQ(cache.bytes(), 4096U);
  EXPECT_FALSE(cache.take({4096}).has_value());
  EXPECT_TRUE(cache.take({4 * 4096}).has_value());
}

TEST(BlockCacheTest, KeepsTheOldestWhenTheBudgetIsSpent) {
  BlockCache cache(2 * 4096);
  for (std::uint64_t i = 0; i < 5; ++i) cache.add(block(i));
  EXPECT_EQ(cache.bytes(), 2U * 4096);
  EXPECT_EQ(cache.first_lsn(), Lsn{0});
  EXPECT_TRUE(cache.take({0}).has_value());
  EXPECT_TRUE(cache.take({4096}).has_value());
  EXPECT_FALSE(cache.take({2 * 4096}).has_value());
  EXPECT_FALSE(cache.first_lsn().has_value());
}

// Blocks scattered over what has to be read from disk anyway would save no read.
TEST(BlockCacheTest, KeepsOneRunUntilTheReaderHasPassedIt) {
  BlockCache cache(2 * 4096);
  for (std::uint64_t i = 0; i < 5; ++i) cache.add(block(i));
  EXPECT_TRUE(cache.take({0}).has_value());
  cache.add(block(5));  // there is room, but a gap before it
  EXPECT_EQ(cache.bytes(), 4096U);
  EXPECT_TRUE(cache.take({4096}).has_value());
  for (std::uint64_t i = 6; i < 9; ++i) cache.add(block(i));  // the next run
  EXPECT_EQ(cache.first_lsn(), Lsn{6 * 4096});
  EXPECT_FALSE(cache.take({5 * 4096}).has_value());
  EXPECT_TRUE(cache.take({6 * 4096}).has_value());
  EXPECT_TRUE(cache.take({7 * 4096}).has_value());
  EXPECT_FALSE(cache.take({8 * 4096}).has_value());
  EXPECT_EQ(cache.bytes(), 0U);
}

TEST(BlockCacheTest, ReaderThatComesFromDiskDropsTheRunItHasPassed) {
  BlockCache cache(2 * 4096);
  for (std::uint64_t i = 0; i < 3; ++i) cache.add(block(i));
  EXPECT_FALSE(cache.take({2 * 4096}).has_value());
  EXPECT_EQ(cache.bytes(), 0U);
  cache.add(block(3));
  EXPECT_TRUE(cache.take({3 * 4096}).has_value());
}

TEST(BlockCacheTest, ReaderBehindTheFirstBlockGetsNothing) {
  BlockCache cache(kMiB);
  cache.add(block(7));
  EXPECT_FALSE(cache.take({6 * 4096}).has_value());
  EXPECT_TRUE(cache.take({7 * 4096}).has_value()) << "and the block is still there";
}

TEST(BlockCacheTest, WithoutABudgetKeepsNothing) {
  BlockCache cache(0);
  cache.add(block(0));
  EXPECT_EQ(cache.bytes(), 0U);
  EXPECT_FALSE(cache.take({0}).has_value());
}

}  // namespace
}  // namespace spillway::wal
