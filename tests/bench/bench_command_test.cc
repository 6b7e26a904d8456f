// Every benchmark takes --dir and --json, leaves a report of what it measured even when it judges
// that as too bad, and says by its exit status which of the two it was.
#include "bench/bench_command.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <vector>

#include "tests/support/json_value.h"
#include "tests/support/temp_dir.h"

namespace spillway::bench {
namespace {

class BenchCommandTest : public testing::Test {
 protected:
  int run(const std::vector<std::string_view>& words) {
    return run_bench_command(
        {.kind = "test",
         .usage = "usage: test\n",
         .set_argument = [this](std::string_view name,
                                std::string_view value) -> std::optional<std::string> {
           if (name != "--own") return "no such option";
           own = value;
           return std::nullopt;
         },
         .run = [this](const std::string& directory, Report& report) -> Result<bool> {
           ++runs;
           worked_in = directory;
           report.rows.push_back({{"n", 7.0}});
           return outcome;
         }},
        words);
  }

  test::TempDir dir;
  const std::string json_path = dir.file("r.json");
  Result<bool> outcome = true;
  int runs = 0;
  std::string worked_in;
  std::string own;
};

TEST_F(BenchCommandTest, OwnWordsAndThoseOfAllAreTakenInAnyOrder) {
  EXPECT_EQ(run({"--dir", "/d", "--own", "x", "--json", json_path}), kExitFine);
  EXPECT_EQ(worked_in, "/d");
  EXPECT_EQ(own, "x");
  const auto json = test::JsonValue::parse(dir.read("r.json"));
  EXPECT_EQ(json["kind"], "test");
  EXPECT_EQ(json["rows"][0]["n"], 7.0);
  EXPECT_TRUE(json["command"].string().ends_with("--json " + json_path));
}

TEST_F(BenchCommandTest, WithoutWordsItWorksHereAndWritesNoReport) {
  EXPECT_EQ(run({}), kExitFine);
  EXPECT_EQ(worked_in, ".");
  EXPECT_FALSE(std::filesystem::exists(json_path));
}

TEST_F(BenchCommandTest, WrongWordsRunNothing) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"--other", "x"}), kExitBadUsage);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "spillway bench: no such option\n\nusage: test\n");
  EXPECT_EQ(runs, 0);
}

TEST_F(BenchCommandTest, AGoalThatIsMissedIsReportedAllTheSame) {
  outcome = false;
  EXPECT_EQ(run({"--json", json_path}), kExitFailed);
  EXPECT_TRUE(std::filesystem::exists(json_path));
}

TEST_F(BenchCommandTest, AnErrorIsPrintedAndLeavesNoReport) {
  outcome = Error{.code = Errc::kIo, .os_error = EIO, .what = "broken"};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"--json", json_path}), kExitFailed);
  EXPECT_TRUE(testing::internal::GetCapturedStderr().starts_with("spillway bench: broken"));
  EXPECT_FALSE(std::filesystem::exists(json_path));
}

TEST_F(BenchCommandTest, AReportThatCannotBeWrittenIsAFailure) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run({"--json", dir.file("no/such/r.json")}), kExitFailed);
  EXPECT_FALSE(testing::internal::GetCapturedStderr().empty());
}

}  // namespace
}  // namespace spillway::bench
