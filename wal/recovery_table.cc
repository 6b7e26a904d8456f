#include "wal/recovery_table.h"

#include <array>
#include <cstddef>

#include "wal/base/check.h"

namespace spillway::wal {
namespace {

// kAny matches both; the three block states are matched one by one.
enum class Fact : std::uint8_t { kNo, kYes, kAny };

struct Pattern {
  Fact is_valid;
  Fact is_damaged;
  Fact is_at_segment_end;
  Fact is_proven_durable;
  Fact has_later_block;
};

constexpr auto kNo = Fact::kNo;
constexpr auto kYes = Fact::kYes;
constexpr auto kAny = Fact::kAny;

constexpr std::size_t kRowCount = 8;

constexpr std::array<ScanRow, kRowCount> kRows{{
    {"segment_end", ScanAction::kEndSegment},
    {"block", ScanAction::kAccept},
    {"clean_end", ScanAction::kEndLog},
    {"torn_tail", ScanAction::kEndLog},
    {"blank_before_unacknowledged", ScanAction::kEndLog},
    {"torn_before_unacknowledged", ScanAction::kEndLog},
    {"corrupt_block", ScanAction::kSkipToBlock},
    {"corrupt_tail", ScanAction::kSkipSegment},
}};

constexpr std::array<Pattern, kRowCount> kPatterns{{
    //  valid damaged  end  proven later
    {kAny, kAny, kYes, kAny, kAny},
    {kYes, kAny, kNo, kAny, kAny},
    {kNo, kNo, kNo, kNo, kNo},
    {kNo, kYes, kNo, kNo, kNo},
    {kNo, kNo, kNo, kNo, kYes},
    {kNo, kYes, kNo, kNo, kYes},
    {kNo, kAny, kNo, kYes, kYes},
    {kNo, kAny, kNo, kYes, kNo},
}};

bool matches(Fact pattern, bool fact) {
  return pattern == Fact::kAny || (pattern == Fact::kYes) == fact;
}

bool matches(const Pattern& pattern, const ScanFacts& facts) {
  return matches(pattern.is_valid, facts.at_address == BlockState::kValid) &&
         matches(pattern.is_damaged, facts.at_address == BlockState::kDamaged) &&
         matches(pattern.is_at_segment_end, facts.is_at_segment_end) &&
         matches(pattern.is_proven_durable, facts.is_proven_durable) &&
         matches(pattern.has_later_block, facts.has_later_block);
}

}  // namespace

const ScanRow& classify(const ScanFacts& facts) {
  const ScanRow* found = nullptr;
  for (std::size_t i = 0; i < kRowCount; ++i) {
    if (!matches(kPatterns[i], facts)) continue;
    CHECK(found == nullptr);
    found = &kRows[i];
  }
  CHECK(found != nullptr);
  return *found;
}

std::span<const ScanRow> scan_rows() {
  return kRows;
}

}  // namespace spillway::wal
