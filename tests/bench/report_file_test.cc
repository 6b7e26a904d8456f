// The report is JSON that another program reads back, whatever the numbers are.
#include "bench/report_file.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/json_value.h"
#include "tests/support/temp_dir.h"

namespace spillway::bench {
namespace {

TEST(ReportFileTest, RowsCarryTextNumbersAndLists) {
  const Report report{.kind = "goals",
                      .command = "spillway bench --goal \"G1\"",
                      .rows = {{{"goal", std::string("G1")},
                                {"ratio", 0.5},
                                {"must", std::numeric_limits<double>::quiet_NaN()},
                                {"ratios", std::vector<double>{1, 2}}}}};
  const test::TempDir dir;
  ASSERT_TRUE(write_report(dir.file("r.json"), report).has_value());
  const auto json = test::JsonValue::parse(dir.read("r.json"));
  EXPECT_EQ(json["kind"], "goals");
  EXPECT_EQ(json["command"], report.command);
  EXPECT_EQ(json["rows"][0]["ratio"], 0.5);
  EXPECT_TRUE(json["rows"][0]["must"].is_null());
  EXPECT_EQ(json["rows"][0]["ratios"].size(), 2U);
  EXPECT_GT(json["host"]["cpus"].integer(), 0);
}

TEST(ReportFileTest, APlaceThatCannotBeWrittenIsAnError) {
  const test::TempDir dir;
  EXPECT_EQ(write_report(dir.file("no/such/r.json"), {}).error().code, Errc::kIo);
}

}  // namespace
}  // namespace spillway::bench
