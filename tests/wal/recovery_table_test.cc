// The decision table of recovery is complete and free of contradictions: every combination of
// facts matches exactly one row, and that row is the one spelled out here.

#include "wal/recovery_table.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace spillway::wal {
namespace {

constexpr auto kValid = BlockState::kValid;
constexpr auto kBlank = BlockState::kBlank;
constexpr auto kDamaged = BlockState::kDamaged;

struct Case {
  BlockState at_address;
  bool is_proven_durable;
  bool has_later_block;
  std::string_view row;
};

// What lies at an address that no successor declares to be the end of the segment.
constexpr std::array<Case, 12> kCases{{
    {kValid, false, false, "block"},
    {kValid, false, true, "block"},
    {kValid, true, false, "block"},
    {kValid, true, true, "block"},
    {kBlank, false, false, "clean_end"},
    {kBlank, false, true, "blank_before_unacknowledged"},
    {kBlank, true, false, "corrupt_tail"},
    {kBlank, true, true, "corrupt_block"},
    {kDamaged, false, false, "torn_tail"},
    {kDamaged, false, true, "torn_before_unacknowledged"},
    {kDamaged, true, false, "corrupt_tail"},
    {kDamaged, true, true, "corrupt_block"},
}};

ScanFacts facts_of(const Case& one, bool is_at_segment_end) {
  return {.at_address = one.at_address,
          .is_at_segment_end = is_at_segment_end,
          .is_proven_durable = one.is_proven_durable,
          .has_later_block = one.has_later_block};
}

TEST(RecoveryTableTest, EveryCombinationOfFactsMatchesItsOneRow) {
  // classify() itself CHECKs that exactly one row matches.
  for (const Case& one : kCases) {
    SCOPED_TRACE(testing::Message()
                 << "state " << static_cast<int>(one.at_address) << ", proven "
                 << one.is_proven_durable << ", later block " << one.has_later_block);
    EXPECT_EQ(classify(facts_of(one, /*is_at_segment_end=*/false)).name, one.row);
    EXPECT_EQ(classify(facts_of(one, /*is_at_segment_end=*/true)).name, "segment_end");
  }
}

TEST(RecoveryTableTest, CasesCoverAllCombinations) {
  std::set<std::array<int, 3>> combinations;
  for (const Case& one : kCases) {
    combinations.insert({static_cast<int>(one.at_address), one.is_proven_durable ? 1 : 0,
                         one.has_later_block ? 1 : 0});
  }
  EXPECT_EQ(combinations.size(), 3U * 2U * 2U);
}

TEST(RecoveryTableTest, EachRowSaysWhatIsDone) {
  const std::map<std::string_view, ScanAction> expected{
      {"segment_end", ScanAction::kEndSegment},
      {"block", ScanAction::kAccept},
      {"clean_end", ScanAction::kEndLog},
      {"torn_tail", ScanAction::kEndLog},
      {"blank_before_unacknowledged", ScanAction::kEndLog},
      {"torn_before_unacknowledged", ScanAction::kEndLog},
      {"corrupt_block", ScanAction::kSkipToBlock},
      {"corrupt_tail", ScanAction::kSkipSegment},
  };
  std::map<std::string_view, ScanAction> rows;
  for (const ScanRow& row : scan_rows()) {
    EXPECT_TRUE(rows.emplace(row.name, row.action).second) << "twice: " << row.name;
  }
  EXPECT_EQ(rows, expected);
}

TEST(RecoveryTableTest, EveryRowIsReachable) {
  std::set<std::string_view> reached;
  for (const Case& one : kCases) {
    for (const bool is_at_segment_end : {false, true}) {
      reached.insert(classify(facts_of(one, is_at_segment_end)).name);
    }
  }
  EXPECT_EQ(reached.size(), scan_rows().size());
}

TEST(RecoveryTableTest, AcknowledgedBytesAreNeverCutOff) {
  for (const Case& one : kCases) {
    if (!one.is_proven_durable) continue;
    EXPECT_NE(classify(facts_of(one, false)).action, ScanAction::kEndLog);
  }
}

}  // namespace
}  // namespace spillway::wal
