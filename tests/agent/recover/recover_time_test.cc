// Events are found by the time they were put: exactly where they say it themselves, by their
// segment where they do not.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/point_in_time.h"
#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"

namespace spillway::agent::recover {
namespace {

using test::RunResult;
using test::StoredChannel;

TEST(PointInTimeTest, IsReadInUtc) {
  EXPECT_EQ(parse_time("1970-01-01"), 0U);
  EXPECT_EQ(parse_time("2026-11-22"), 1'795'305'600'000U);
  EXPECT_EQ(parse_time("2026-11-22 03:28"), 1'795'318'080'000U);
  EXPECT_EQ(parse_time("2026-11-22T03:28:14"), 1'795'318'094'000U);
  EXPECT_EQ(parse_time("2026-11-22T03:28:14Z"), 1'795'318'094'000U);
  EXPECT_EQ(parse_time("2026-11-22 03:28:14 UTC"), 1'795'318'094'000U);
  EXPECT_EQ(parse_time("2024-02-29"), 1'709'164'800'000U);
  EXPECT_EQ(parse_time("1700000000123"), 1'700'000'000'123U);
}

TEST(PointInTimeTest, AnythingElseIsRefused) {
  for (const char* text : {"", "x", "2026", "-1", "2026-11", "2026-11-31", "2025-02-29",
                           "2026-13-01", "1969-12-31", "2026-11-22T24:00", "2026-11-22 03:60",
                           "2026-11-22 03:28:60", "2026-11-22 3:28", "2026-11-22T03:28+01:00",
                           "2026-11-22 ", "2026-11-22T", "2026-11-22 03", "99999999999999999999"}) {
    const auto time = parse_time(text);
    EXPECT_TRUE(!time || std::string(text) == "2026") << text;
  }
}

class RecoverTimeTest : public testing::Test {
 protected:
  std::string bodies(const std::vector<std::string>& times) {
    std::vector<std::string> arguments{"cat", stored_.path(), "--format", "raw"};
    arguments.insert(arguments.end(), times.begin(), times.end());
    const RunResult result = run_recover(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  /// "early" in the first segment, kLate two hours later at the beginning of the second.
  void put_early_and_late() {
    for (int i = 0; i < 16; ++i) stored_.put({std::string(60'000, 'x')});
    stored_.take(16);
    stored_.put({"early"});
    stored_.clock().advance(std::chrono::hours(2));
    stored_.put({late()});
    stored_.stop();
  }
  static std::string late() { return "late" + std::string(60'000, 'x'); }

  StoredChannel stored_;  // the clock says 2023-11-14 22:13:20
};

TEST_F(RecoverTimeTest, EventsThatSayTheirTimeAreSelectedExactly) {
  channel::EventBatch batch;
  for (const char* at : {"1000", "2000", "3000"}) {
    const std::vector<channel::HeaderView> headers{{"timestamp", at}};
    batch.add(headers, at);
  }
  stored_.put(batch);
  stored_.stop();
  EXPECT_EQ(bodies({"--after", "2000"}), "2000\n3000\n");
  EXPECT_EQ(bodies({"--before", "2000"}), "1000\n");
  EXPECT_EQ(bodies({"--after", "1001", "--before", "3000"}), "2000\n");
  EXPECT_EQ(bodies({"--after", "2026-01-01"}), "");
}

TEST_F(RecoverTimeTest, OthersAreSelectedByTheirSegment) {
  put_early_and_late();
  const std::string all = "early\n" + late() + "\n";
  EXPECT_TRUE(bodies({}) == all);
  EXPECT_TRUE(bodies({"--after", "2023-11-14 22:13:20"}) == all);
  EXPECT_TRUE(bodies({"--after", "2023-11-15 00:13:20"}) == all)
      << "it may have been put until then";
  EXPECT_TRUE(bodies({"--after", "2023-11-15 00:13:21"}) == late() + "\n");
  EXPECT_EQ(bodies({"--before", "2023-11-15 00:13:20"}), "early\n");
  EXPECT_EQ(bodies({"--before", "2023-11-14 22:13:20"}), "");
}

TEST_F(RecoverTimeTest, TimeThatIsNoNumberIsNone) {
  channel::EventBatch batch;
  for (const char* at : {"yesterday", "", "1e3", "-5"}) {
    const std::vector<channel::HeaderView> headers{{"timestamp", at}};
    batch.add(headers, "b");
  }
  stored_.put(batch);
  stored_.stop();
  EXPECT_EQ(bodies({"--after", "2023-11-14"}), "b\nb\nb\nb\n");
}

TEST_F(RecoverTimeTest, DamageInAnotherTimeIsNotReported) {
  put_early_and_late();
  stored_.flip(StoredChannel::slot(1), wal::kSegmentDataOffset + 16 * 61'440 + 70);
  EXPECT_TRUE(bodies({"--after", "2023-11-15 00:13:21"}) == late() + "\n");
  EXPECT_EQ(run_recover({"cat", stored_.path(), "--after", "2023-11-14"}).exit_code, 1);
}

TEST_F(RecoverTimeTest, BadTimesAreBadUsage) {
  stored_.put({"one"});
  stored_.stop();
  const RunResult result = run_recover({"cat", stored_.path(), "--after", "noon"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("--after noon: write"), std::string::npos) << result.err;
}

}  // namespace
}  // namespace spillway::agent::recover
