// A test that looks into JSON through JsonValue fails for whatever is not as it says, and only
// then.
#include "tests/support/json_value.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace spillway::test {
namespace {

constexpr const char* kText = R"({"n": 7, "big": 18446744073709551615, "half": 0.5, "yes": true,
                                  "s": "text", "none": null, "rows": [{"a": -1}, {}]})";

TEST(JsonValueTest, ComparesToPlainValuesOfTheSameKind) {
  const JsonValue json = JsonValue::parse(kText);
  EXPECT_EQ(json["n"], 7);
  EXPECT_EQ(json["n"], 7U);
  EXPECT_NE(json["n"], 8);
  EXPECT_NE(json["n"], "7");
  EXPECT_NE(json["n"], true);
  EXPECT_EQ(json["big"], 18446744073709551615U);
  EXPECT_NE(json["big"], -1);
  EXPECT_EQ(json["rows"][0]["a"], -1);
  EXPECT_NE(json["rows"][0]["a"], 18446744073709551615U);
  EXPECT_EQ(json["half"], 0.5);
  EXPECT_EQ(json["yes"], true);
  EXPECT_NE(json["yes"], false);
  EXPECT_EQ(json["s"], "text");
  EXPECT_EQ(json["s"], std::string("text"));
  EXPECT_NE(json["s"], "Text");
  EXPECT_EQ(json["none"], nullptr);
  EXPECT_NE(json["none"], 0);
  EXPECT_EQ(json["rows"], JsonValue::parse(R"([{"a":-1},{}])"));
  EXPECT_NE(json["rows"], JsonValue::parse(R"([{"a":-1}])"));
}

TEST(JsonValueTest, PartsOutliveTheTextTheyCameFrom) {
  const JsonValue row = JsonValue::parse(kText)["rows"][0];
  EXPECT_EQ(row["a"].integer(), -1);
  EXPECT_EQ(row.keys(), std::vector<std::string>{"a"});
  EXPECT_TRUE(row.contains("a"));
  EXPECT_FALSE(row.contains("b"));
  EXPECT_FALSE(row["a"].contains("b"));
}

TEST(JsonValueTest, WhatIsNotThereIsAFailureThatNamesThePlace) {
  static const JsonValue json = JsonValue::parse(kText);
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(json["rows"][0]["b"].is_null()),
                          "/rows/0 is not an object with \"b\"");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(json["rows"][2].is_null()), "/rows is not an array with [2]");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(json["s"][0].is_null()), "/s is not an array with [0]");
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(json["s"].integer(), 0), "/s is not an integer: \"text\"");
  EXPECT_NONFATAL_FAILURE(EXPECT_EQ(json["n"].string(), ""), "/n is not a string: 7");
}

TEST(JsonValueTest, WhatIsNotJsonIsAFailureThatShowsIt) {
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(JsonValue::parse("{oops").is_null()), "not JSON: {oops");
  EXPECT_NONFATAL_FAILURE(EXPECT_TRUE(JsonValue::parse("1 2").is_null()), "not JSON: 1 2");
}

}  // namespace
}  // namespace spillway::test
