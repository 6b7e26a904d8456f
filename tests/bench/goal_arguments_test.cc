// `spillway bench --goal …`: goals by name, and refusals that say what there is. And the table.
#include "bench/goal_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

namespace spillway::bench {
namespace {

using testing::HasSubstr;

std::vector<std::string> ids(const GoalArguments& arguments) {
  std::vector<std::string> found;
  for (const Goal* goal : arguments.goals) found.emplace_back(goal->id);
  return found;
}

std::string problem_of(const std::vector<std::string_view>& words) {
  GoalArguments arguments;
  return read_goal_arguments(words, arguments).value_or("");
}

TEST(GoalArgumentsTest, GoalsComeInTheOrderOfTheTableAndOnce) {
  GoalArguments arguments;
  const std::vector<std::string_view> words{"--goal", "G10,g3", "--goal", "G3,G1"};
  ASSERT_EQ(read_goal_arguments(words, arguments), std::nullopt);
  EXPECT_THAT(ids(arguments), testing::ElementsAre("G1", "G3", "G10"));
}

TEST(GoalArgumentsTest, AllMeansTheWholeTable) {
  GoalArguments arguments;
  const std::vector<std::string_view> words{"--goal", "all,G5"};
  ASSERT_EQ(read_goal_arguments(words, arguments), std::nullopt);
  EXPECT_EQ(arguments.goals.size(), all_goals().size());
}

TEST(GoalArgumentsTest, NamesAreTakenInAnyCase) {
  GoalArguments arguments;
  const std::vector<std::string_view> words{"--goal", "Reclaim,g22"};
  ASSERT_EQ(read_goal_arguments(words, arguments), std::nullopt);
  EXPECT_THAT(ids(arguments), testing::ElementsAre("G22", "reclaim"));
}

TEST(GoalArgumentsTest, AnUnknownGoalIsAnsweredWithAllNames) {
  const std::string problem = problem_of({"--goal", "G5,G99"});
  EXPECT_THAT(problem, HasSubstr("G99"));
  for (const Goal& goal : all_goals()) {
    EXPECT_THAT(problem, HasSubstr(std::string(goal.id) + ","));
  }
}

TEST(GoalArgumentsTest, NoGoalIsAnsweredWithAllNames) {
  EXPECT_THAT(problem_of({"--samples", "3"}), HasSubstr("G22"));
}

TEST(GoalArgumentsTest, WrongOptionsAndNumbersAreNamed) {
  EXPECT_THAT(problem_of({"--goal", "G1", "--sample", "3"}), HasSubstr("--sample"));
  EXPECT_THAT(problem_of({"--goal", "G1", "--samples", "0"}), HasSubstr("--samples 0"));
  EXPECT_THAT(problem_of({"--goal", "G1", "--events", "many"}), HasSubstr("many"));
  EXPECT_THAT(problem_of({"--goal"}), HasSubstr("a value is missing"));
}

TEST(GoalArgumentsTest, OptionsReachTheMeasurement) {
  GoalArguments arguments;
  const std::vector<std::string_view> words{
      "--goal", "G10", "--samples", "3",      "--sample-millis", "50", "--events", "1000",
      "--dir",  "/d",  "--json",    "f.json", "--event-bytes",   "64"};
  ASSERT_EQ(read_goal_arguments(words, arguments), std::nullopt);
  EXPECT_EQ(arguments.options.samples, 3U);
  EXPECT_EQ(arguments.options.load_ns, 50'000'000U);
  EXPECT_EQ(arguments.options.backlog_events, 1000U);
  EXPECT_EQ(arguments.options.event_bytes, 64U);
  EXPECT_EQ(arguments.directory, "/d");
  EXPECT_EQ(arguments.json_path, "f.json");
}

TEST(GoalTableTest, EveryGoalIsMeasuredOrSaysWhyNot) {
  std::set<std::string_view> seen;
  for (const Goal& goal : all_goals()) {
    EXPECT_TRUE(seen.insert(goal.id).second) << goal.id << " twice";
    EXPECT_FALSE(goal.lines.empty()) << goal.id;
    EXPECT_EQ(goal.prepare == nullptr, !goal.why_not.empty()) << goal.id;
    EXPECT_EQ(find_goal(goal.id), &goal);
  }
}

TEST(GoalTableTest, EveryGoalHasABoundAndTheStretchIsTheHarderOne) {
  for (const Goal& goal : all_goals()) {
    EXPECT_TRUE(std::any_of(goal.lines.begin(), goal.lines.end(), [](const GoalLine& line) {
      return !std::isnan(line.must);
    })) << goal.id;
    for (const GoalLine& line : goal.lines) {
      EXPECT_EQ(line.control == "-", line.against == Against::kNothing) << line.what;
      if (std::isnan(line.must) || std::isnan(line.stretch)) continue;
      EXPECT_EQ(line.sense == Sense::kAtLeast, line.stretch > line.must) << line.what;
    }
  }
}

}  // namespace
}  // namespace spillway::bench
