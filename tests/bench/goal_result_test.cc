// A verdict follows from the median of the ratios and the bounds of the line, and from nothing
// else.
#include "bench/goal_result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace spillway::bench {
namespace {

using testing::HasSubstr;

constexpr GoalLine kAtLeastLine{"rate", "/s", "B1", Against::kB1Rate, Sense::kAtLeast, 0.8, 0.95};
constexpr GoalLine kAtMostLine{"p50", "us", "B1 p50", Against::kB1P50, Sense::kAtMost, 1.4, 1.15};

PairedSample sample_of(double rate_before, double rate_after, std::vector<double> values) {
  return {.before = {.ops_per_second = rate_before, .p50_ns = 40'000},
          .after = {.ops_per_second = rate_after, .p50_ns = 60'000},
          .values = std::move(values)};
}

TEST(GoalResultTest, BoundsAreReachedFromTheirOwnSide) {
  EXPECT_EQ(judge(kAtLeastLine, 0.96), Verdict::kStretch);
  EXPECT_EQ(judge(kAtLeastLine, 0.8), Verdict::kMust);
  EXPECT_EQ(judge(kAtLeastLine, 0.79), Verdict::kMissed);
  EXPECT_EQ(judge(kAtMostLine, 1.1), Verdict::kStretch);
  EXPECT_EQ(judge(kAtMostLine, 1.4), Verdict::kMust);
  EXPECT_EQ(judge(kAtMostLine, 1.41), Verdict::kMissed);
}

TEST(GoalResultTest, ALineWithOneBoundHasNoOtherVerdicts) {
  GoalLine line = kAtLeastLine;
  line.must = kNoBound;
  EXPECT_EQ(judge(line, 0.1), Verdict::kNotYet);
  line = kAtLeastLine;
  line.stretch = kNoBound;
  EXPECT_EQ(judge(line, 100), Verdict::kMust);
  line.must = kNoBound;
  EXPECT_EQ(judge(line, 100), Verdict::kCompared);
}

TEST(GoalResultTest, TheDeviceIsTheMeanOfTheControlsAroundTheSample) {
  constexpr std::array kLines{kAtLeastLine, kAtMostLine};
  const Goal goal{"G0", "test", kLines};
  const SampleSet samples{
      .accepted = {sample_of(10'000, 30'000, flatten({{.value = 18'000}, {.value = 75}}))}};
  const auto results = evaluate(goal, samples);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_DOUBLE_EQ(results[0].control, 20'000);
  EXPECT_DOUBLE_EQ(results[0].ratio.median, 0.9);
  EXPECT_EQ(results[0].verdict, Verdict::kMust);
  EXPECT_DOUBLE_EQ(results[1].control, 50);
  EXPECT_DOUBLE_EQ(results[1].ratio.median, 1.5);
  EXPECT_EQ(results[1].verdict, Verdict::kMissed);
}

TEST(GoalResultTest, TheMedianOfTheRatiosIsJudgedNotTheRatioOfTheMedians) {
  constexpr std::array kLines{GoalLine{"x", "", "y", Against::kMeasured, Sense::kAtLeast, 1, 2}};
  const Goal goal{"G0", "test", kLines};
  SampleSet samples;
  for (const auto& [value, control] :
       std::vector<std::pair<double, double>>{{1, 10}, {10, 4}, {6, 2}}) {
    samples.accepted.push_back(sample_of(1, 1, flatten({{.value = value, .control = control}})));
  }
  const auto results = evaluate(goal, samples);
  EXPECT_DOUBLE_EQ(results[0].ratio.median, 2.5);
  EXPECT_DOUBLE_EQ(results[0].ratio.min, 0.1);
  EXPECT_DOUBLE_EQ(results[0].ratio.max, 3);
}

TEST(GoalResultTest, WithoutASampleNothingIsJudged) {
  constexpr std::array kLines{kAtMostLine};
  const Goal goal{"G0", "test", kLines};
  const SampleSet samples{.accepted = {}, .dropped = 21};
  const GoalResult result{.goal = &goal, .lines = evaluate(goal, samples)};
  EXPECT_EQ(result.lines[0].verdict, Verdict::kNotMeasured);
  EXPECT_THAT(report_rows(result), HasSubstr("not measured: the device was never quiet, 21"));
}

TEST(GoalResultTest, ARowShowsBoundsVerdictCountsAndSpread) {
  constexpr std::array kLines{kAtLeastLine};
  const Goal goal{"G0", "test", kLines};
  const SampleSet samples{.accepted = {sample_of(100, 100, flatten({{.value = 90}}))},
                          .dropped = 2};
  const GoalResult result{.goal = &goal, .lines = evaluate(goal, samples)};
  const std::string row = report_rows(result);
  for (const char* part :
       {"G0", "90.0 /s", "B1 100 /s", ">= 0.80", ">= 0.95", "must", "1/2", "0.90-0.90"}) {
    EXPECT_THAT(row, HasSubstr(part));
  }
}

TEST(GoalResultTest, AGoalThatCannotBeMeasuredSaysWhy) {
  const Goal goal{"G0", "test", {}};
  const GoalResult result{.goal = &goal, .lines = {}, .why_not = "no kernel"};
  EXPECT_THAT(report_rows(result), HasSubstr("not measured: no kernel"));
}

}  // namespace
}  // namespace spillway::bench
