// Which segments there are, where each ends, and which of them are done with.

#include "wal/segment_table.h"

#include <gtest/gtest.h>

namespace spillway::wal {
namespace {

Segment segment(std::uint64_t number, std::uint64_t first_block, std::uint64_t first_sequence) {
  return {.number = {number},
          .slot = static_cast<SlotId>(number),
          .slot_bytes = kMiB,
          .first_lsn = {first_block * 4096},
          .first_sequence = {first_sequence},
          .end_lsn = {first_block * 4096},
          .end_sequence = {first_sequence}};
}

struct SegmentTableTest : testing::Test {
  // Segment 1: entries 1..4 in blocks 0..2; segment 2: entries 5..9 in blocks 2..5; 3 is empty.
  SegmentTableTest() {
    table.append(segment(1, 0, 1));
    table.advance({2 * 4096}, {5});
    table.append(segment(2, 2, 5));
    table.advance({5 * 4096}, {10});
    table.append(segment(3, 5, 10));
  }
  SegmentTable table;
};

TEST_F(SegmentTableTest, FindsTheSegmentOfEveryDurableBlock) {
  for (std::uint64_t block = 0; block < 5; ++block) {
    const auto found = table.find({block * 4096});
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->number.value, block < 2 ? 1U : 2U);
  }
  EXPECT_FALSE(table.find({5 * 4096}).has_value()) << "nothing is durable there yet";
  table.advance({6 * 4096}, {11});
  EXPECT_EQ(table.find({5 * 4096})->number.value, 3U);
  EXPECT_FALSE(table.find({6 * 4096}).has_value());
}

TEST_F(SegmentTableTest, SegmentIsSealedOnceAnotherFollows) {
  const auto all = table.snapshot();
  EXPECT_TRUE(all[0].is_sealed);
  EXPECT_TRUE(all[1].is_sealed);
  EXPECT_FALSE(all[2].is_sealed);
}

TEST_F(SegmentTableTest, TransactionAcrossSegmentsSealsThemWhenItIsDurable) {
  table.append(segment(4, 8, 13));  // blocks 5..8 of segment 3 are written, not yet durable
  table.append(segment(5, 9, 14));
  EXPECT_FALSE(table.snapshot()[2].is_sealed);
  EXPECT_FALSE(table.find({6 * 4096}).has_value());
  EXPECT_TRUE(table.remove_acked({100}).size() == 2) << "an unfinished segment is never removed";
  table.advance({10 * 4096}, {15});
  const auto all = table.snapshot();
  EXPECT_EQ(all[0].end_lsn.value, 8U * 4096);
  EXPECT_EQ(all[0].end_sequence.value, 13U);
  EXPECT_TRUE(all[0].is_sealed && all[1].is_sealed);
  EXPECT_FALSE(all[2].is_sealed);
  EXPECT_EQ(table.find({6 * 4096})->number.value, 3U);
}

TEST_F(SegmentTableTest, RemovesOnlyFromTheFrontAndOnlyWhatIsAcknowledged) {
  EXPECT_TRUE(table.remove_acked({4}).empty());
  const auto removed = table.remove_acked({5});
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].number.value, 1U);
  EXPECT_FALSE(table.find({0}).has_value());
  table.put_back(removed);
  EXPECT_EQ(table.find({0})->number.value, 1U);
  EXPECT_EQ(table.remove_acked({1000}).size(), 2U) << "the last one is in use";
  EXPECT_EQ(table.size(), 1U);
}

}  // namespace
}  // namespace spillway::wal
