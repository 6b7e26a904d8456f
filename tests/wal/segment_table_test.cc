// Which segments there are, where each ends, and which of them are done with.

#include "wal/segment_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

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
  std::vector<Segment> remove_below(Sequence acked_below) {
    return table.remove_drained(
        {UINT64_MAX}, [&](const SequenceRange& entries) { return entries.end <= acked_below; });
  }

  SegmentTable table;
  // An event of segment 1 hangs.
  const SegmentTable::IsAcked behind_four = [](const SequenceRange& entries) {
    return entries.first > Sequence{4};
  };
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
  EXPECT_EQ(remove_below({100}).size(), 2U) << "an unfinished segment is never removed";
  table.advance({10 * 4096}, {15});
  const auto all = table.snapshot();
  EXPECT_EQ(all[0].end_lsn.value, 8U * 4096);
  EXPECT_EQ(all[0].end_sequence.value, 13U);
  EXPECT_TRUE(all[0].is_sealed && all[1].is_sealed);
  EXPECT_FALSE(all[2].is_sealed);
  EXPECT_EQ(table.find({6 * 4096})->number.value, 3U);
}

TEST_F(SegmentTableTest, RemovesOnlyWhatIsAcknowledged) {
  EXPECT_TRUE(remove_below({4}).empty());
  const auto removed = remove_below({5});
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].number.value, 1U);
  EXPECT_FALSE(table.find({0}).has_value());
  table.put_back(removed);
  EXPECT_EQ(table.find({0})->number.value, 1U);
  EXPECT_EQ(remove_below({1000}).size(), 2U) << "the last one is in use";
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(SegmentTableTest, RemovesFromBetweenOthersAndPutsBackThere) {
  const auto removed = table.remove_drained({UINT64_MAX}, behind_four);
  ASSERT_EQ(removed.size(), 1U);
  EXPECT_EQ(removed[0].number.value, 2U);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.find({1 * 4096})->number.value, 1U);
  EXPECT_FALSE(table.find({3 * 4096}).has_value());
  EXPECT_EQ(table.next_behind({3 * 4096})->number.value, 3U);
  EXPECT_EQ(table.gaps(), (std::vector<SequenceRange>{{{5}, {10}}}));
  table.put_back(removed);
  EXPECT_EQ(table.find({3 * 4096})->number.value, 2U);
  EXPECT_TRUE(table.gaps().empty());
  const auto all = table.snapshot();
  EXPECT_TRUE(all[0].number < all[1].number && all[1].number < all[2].number);
}

TEST_F(SegmentTableTest, KeepsWhatEndsBehindTheManifest) {
  EXPECT_TRUE(table.remove_drained({4 * 4096}, behind_four).empty())
      << "a block behind its end may acknowledge what no manifest knows";
  EXPECT_EQ(table.remove_drained({5 * 4096}, behind_four).size(), 1U);
}

TEST_F(SegmentTableTest, LastOneGoesOnlyWithAllOthers) {
  table.advance({6 * 4096}, {12});
  table.seal_last();
  EXPECT_EQ(table.remove_drained({UINT64_MAX}, behind_four).size(), 1U);
  EXPECT_EQ(table.snapshot().back().number.value, 3U) << "the log ends in it";
  EXPECT_EQ(remove_below({12}).size(), 2U);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(SegmentTableTest, SegmentBehindAGapStaysFinishedWhenTheLogGoesOn) {
  table.remove_drained({UINT64_MAX}, behind_four);
  table.advance({7 * 4096}, {13});
  table.append(segment(4, 7, 13));
  table.advance({9 * 4096}, {15});
  const auto all = table.snapshot();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].end_lsn.value, 2U * 4096) << "it does not reach over the gap";
  EXPECT_TRUE(all[0].is_sealed && all[1].is_sealed);
  EXPECT_FALSE(all[2].is_sealed);
}

TEST_F(SegmentTableTest, BytesCountWhatIsThere) {
  table.advance({8 * 4096}, {13});
  EXPECT_EQ(table.bytes_from({1}), 8U * 4096);
  EXPECT_EQ(table.bytes_from({5}), 6U * 4096);
  table.remove_drained({UINT64_MAX}, behind_four);
  EXPECT_EQ(table.bytes_from({1}), 5U * 4096) << "without the three blocks of segment 2";
  EXPECT_EQ(table.bytes_from({3}), 4U * 4096) << "half of segment 1, and segment 3";
  EXPECT_EQ(table.bytes_from({10}), 3U * 4096);
  EXPECT_EQ(table.bytes_from({13}), 0U);
}

TEST_F(SegmentTableTest, FinishedSegmentOfAnEntryIsNeverTheLast) {
  EXPECT_EQ(table.finished_around({6}), (SequenceRange{{5}, {10}}));
  table.advance({6 * 4096}, {12});
  table.seal_last();
  EXPECT_EQ(table.finished_around({10}), std::nullopt);
  EXPECT_EQ(table.finished_around({12}), std::nullopt);
  EXPECT_EQ(table.last_sealed().value, 3U);
}

}  // namespace
}  // namespace spillway::wal
