// How recovery calls what it found: names that `recover --json` prints, and a missing key in words.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/key_check.h"
#include "checkpoint/recovery.h"
#include "wal/key_ring.h"

namespace spillway::checkpoint {
namespace {

TEST(FindingTest, EachKindHasAName) {
  std::vector<std::string> names;
  for (int kind = 0; kind <= static_cast<int>(Finding::Kind::kUnreadableHeader); ++kind) {
    names.emplace_back(finding_name(static_cast<Finding::Kind>(kind)));
  }
  EXPECT_THAT(names, testing::ElementsAre("torn_tail", "lost", "manifest_damaged", "manifest_lost",
                                          "slot_missing", "slot_short", "foreign_slot",
                                          "unreadable_header"));
}

TEST(MissingKeyTest, WhoseNameIsDamagedIsCalledByItsId) {
  wal::Segment segment{};
  segment.number = {3};
  segment.slot = 1;
  const SegmentKey key{.id = 0x7211f6f076cd3871, .segments = {segment}};
  const wal::KeyRing none;
  for (const wal::KeyRing* keys : {&none, static_cast<const wal::KeyRing*>(nullptr)}) {
    EXPECT_THAT(missing_in_words(key, keys),
                testing::AllOf(testing::HasSubstr("missing key: segment 3 (slot-00001.seg)"),
                               testing::HasSubstr("7211f6f076cd3871")));
  }
}

}  // namespace
}  // namespace spillway::checkpoint
