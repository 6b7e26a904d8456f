// The power-loss outcomes that tests enumerate are the ones promised, each once.
#include "tests/support/survivors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace spillway::test {
namespace {

constexpr Fate kLost = Fate::kLost;
constexpr Fate kKept = Fate::kKept;
constexpr Fate kTorn = Fate::kTorn;

std::set<std::vector<Fate>> fates_of(const std::vector<Survivors>& choices) {
  std::set<std::vector<Fate>> fates;
  for (const Survivors& choice : choices) fates.insert(choice.fates);
  return fates;
}

TEST(SurvivorsTest, NothingPendingLeavesOneOutcome) {
  EXPECT_EQ(survivor_choices(0, 1).size(), 1U);
  EXPECT_EQ(all_survivors(0).size(), 1U);
}

TEST(SurvivorsTest, ChoicesHoldEveryPromisedShape) {
  const auto fates = fates_of(survivor_choices(3, 1, /*random_count=*/0));
  EXPECT_THAT(fates, testing::UnorderedElementsAre(
                         std::vector{kLost, kLost, kLost}, std::vector{kKept, kKept, kKept},
                         std::vector{kLost, kKept, kKept}, std::vector{kKept, kLost, kKept},
                         std::vector{kKept, kKept, kLost}, std::vector{kKept, kLost, kLost},
                         std::vector{kLost, kKept, kLost}, std::vector{kLost, kLost, kKept},
                         std::vector{kTorn, kLost, kLost}, std::vector{kKept, kTorn, kLost},
                         std::vector{kKept, kKept, kTorn}));
}

TEST(SurvivorsTest, SameSeedDrawsTheSameMixtures) {
  EXPECT_EQ(fates_of(survivor_choices(20, 5)), fates_of(survivor_choices(20, 5)));
  EXPECT_NE(fates_of(survivor_choices(20, 5)), fates_of(survivor_choices(20, 6)));
}

TEST(SurvivorsTest, AllSurvivorsAreAllSubsets) {
  EXPECT_EQ(fates_of(all_survivors(5)).size(), 32U);
}

}  // namespace
}  // namespace spillway::test
