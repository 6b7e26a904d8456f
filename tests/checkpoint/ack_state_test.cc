// AckState says the same as one bit per entry would.

#include "checkpoint/ack_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/seeds.h"
#include "wal/base/random.h"

namespace spillway::checkpoint {
namespace {

using wal::Sequence;
using wal::SequenceRange;

// The naive model: is entry i acknowledged? Entries before `first` always are.
class Bits {
 public:
  Bits(std::uint64_t first, std::uint64_t end) : bits_(end, false) {
    std::fill(bits_.begin(), bits_.begin() + static_cast<std::ptrdiff_t>(first), true);
  }

  std::uint64_t add(SequenceRange range) {
    std::uint64_t added = 0;
    for (std::uint64_t i = range.first.value; i < range.end.value; ++i) {
      if (!bits_[i]) ++added;
      bits_[i] = true;
    }
    return added;
  }

  [[nodiscard]] std::uint64_t below() const {
    const auto pending = std::find(bits_.begin(), bits_.end(), false);
    return static_cast<std::uint64_t>(pending - bits_.begin());
  }

  [[nodiscard]] std::vector<SequenceRange> ranges() const {
    std::vector<SequenceRange> all;
    for (std::uint64_t i = below(); i < bits_.size(); ++i) {
      if (!bits_[i]) continue;
      if (all.empty() || all.back().end.value != i) all.push_back({{i}, {i}});
      all.back().end = {i + 1};
    }
    return all;
  }

  [[nodiscard]] SequenceRange first_pending(SequenceRange range) const {
    while (range.first < range.end && bits_[range.first.value]) range.first += 1;
    Sequence end = range.first;
    while (end < range.end && !bits_[end.value]) end += 1;
    return {range.first, end};
  }

 private:
  std::vector<bool> bits_;
};

std::uint64_t total(const std::vector<SequenceRange>& ranges) {
  std::uint64_t count = 0;
  for (const SequenceRange& range : ranges) count += range.count();
  return count;
}

TEST(AckStateTest, AgreesWithOneBitPerEntry) {
  constexpr std::uint64_t kEnd = 120;
  for (const std::uint64_t seed : test::seeds(400)) {
    SCOPED_TRACE(test::replay_hint(seed));
    Random random(seed);
    const std::uint64_t first = random.between(1, 20);
    const std::uint64_t width_max = random.one_in(2) ? 4 : 40;
    AckState acks({first});
    Bits bits(first, kEnd);
    for (int step = 0; step < 60; ++step) {
      const std::uint64_t begin = random.below(kEnd);
      const std::uint64_t end = std::min(kEnd, begin + random.below(width_max));
      const SequenceRange range{{begin}, {end}};
      ASSERT_EQ(acks.add(range), bits.add(range)) << begin << ".." << end;
      ASSERT_EQ(acks.below().value, bits.below());
      ASSERT_EQ(acks.ranges(), bits.ranges());
      ASSERT_EQ(acks.range_count(), bits.ranges().size());
      ASSERT_EQ(acks.count_above(), total(bits.ranges()));
      const std::uint64_t from = random.below(kEnd);
      const SequenceRange asked{{from}, {random.between(from, kEnd)}};
      ASSERT_EQ(acks.first_pending(asked), bits.first_pending(asked));
      ASSERT_EQ(acks.covers(asked), bits.first_pending(asked).is_empty());
    }
    const std::uint64_t cut = random.between(1, kEnd);
    const AckState part = acks.before({cut});
    for (std::uint64_t i = 1; i < kEnd; ++i) {
      ASSERT_EQ(part.covers({{i}, {i + 1}}), i < cut && acks.covers({{i}, {i + 1}})) << i;
    }
  }
}

// A commit that could not be made durable is taken back.
TEST(AckStateTest, RemoveUndoesAnAddWhateverItHasMergedWith) {
  constexpr std::uint64_t kEnd = 40;
  for (const std::uint64_t seed : test::seeds(400)) {
    SCOPED_TRACE(test::replay_hint(seed));
    Random random(seed);
    AckState acks({1});
    for (int i = 0; i < 6; ++i) {
      const std::uint64_t at = random.between(1, kEnd);
      acks.add({{at}, {at + random.below(5)}});
    }
    const AckState before = acks;
    const std::uint64_t from = random.between(1, kEnd);
    const SequenceRange fresh = acks.first_pending({{from}, {from + 6}});
    acks.add(fresh);
    const std::uint64_t later = random.between(1, kEnd);  // somebody else's, in the meantime
    const SequenceRange other = acks.first_pending({{later}, {later + 3}});
    acks.add(other);
    acks.remove(fresh);
    acks.remove(other);
    ASSERT_EQ(acks.below(), before.below());
    ASSERT_EQ(acks.ranges(), before.ranges());
    ASSERT_EQ(acks.count_above(), before.count_above());
  }
}

TEST(AckStateTest, InOrderAcknowledgementsKeepNoRanges) {
  AckState acks;
  for (std::uint64_t i = 1; i < 1000; ++i) EXPECT_EQ(acks.add({{i}, {i + 1}}), 1U);
  EXPECT_EQ(acks.below().value, 1000U);
  EXPECT_EQ(acks.range_count(), 0U);
}

TEST(AckStateTest, AdjacentRangesBecomeOne) {
  AckState acks;
  acks.add({{5}, {7}});
  acks.add({{9}, {11}});
  EXPECT_EQ(acks.range_count(), 2U);
  acks.add({{7}, {9}});
  EXPECT_EQ(acks.ranges(), (std::vector<SequenceRange>{{{5}, {11}}}));
  EXPECT_EQ(acks.add({{1}, {5}}), 4U);
  EXPECT_EQ(acks.below().value, 11U);
  EXPECT_EQ(acks.count_above(), 0U);
}

TEST(AckStateTest, EmptyRangeChangesNothing) {
  AckState acks({10});
  EXPECT_EQ(acks.add({{20}, {20}}), 0U);
  EXPECT_EQ(acks.add({{3}, {3}}), 0U);
  EXPECT_EQ(acks.below().value, 10U);
  EXPECT_EQ(acks.range_count(), 0U);
}

}  // namespace
}  // namespace spillway::checkpoint
