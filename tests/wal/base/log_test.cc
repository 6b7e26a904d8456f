// A log line is one line of stable shape, in text and in JSON, whatever the values contain; a burst
// of one id is cut and counted.
#include "wal/base/log.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "tests/support/json_value.h"
#include "wal/base/log_secrets.h"

namespace spillway {
namespace {

using test::JsonValue;

constexpr std::int64_t kWallMs = 1'700'000'000'042;

std::string text_line(LogFields fields) {
  return format_log_line(LogFormat::kText, {kWallMs, LogLevel::kWarn, "wal.torn_tail", "cut"},
                         fields);
}

std::string json_line(LogFields fields) {
  return format_log_line(LogFormat::kJson, {kWallMs, LogLevel::kError, "wal.lost", "gone"}, fields);
}

TEST(LogTest, TextLineHasTimeLevelIdMessageAndFields) {
  EXPECT_EQ(text_line({{"n", 3U}, {"delta", -4}, {"share", 0.5}, {"ok", true}, {"who", "x"}}),
            "2023-11-14T22:13:20.042Z WARN wal.torn_tail cut n=3 delta=-4 share=0.5 ok=true who=x");
}

TEST(LogTest, TextValuesAreQuotedWhenABlankOrAQuoteWouldSplitThem) {
  EXPECT_TRUE(text_line({{"a", ""}}).ends_with(R"( a="")"));
  EXPECT_TRUE(text_line({{"a", "two words"}}).ends_with(R"( a="two words")"));
  EXPECT_TRUE(text_line({{"a", R"(say "x\y")"}}).ends_with(R"( a="say \"x\\y\"")"));
  EXPECT_TRUE(text_line({{"a", "k=v"}}).ends_with(R"( a="k=v")"));
}

TEST(LogTest, NoValueBreaksTheLine) {
  for (int c = 1; c < 256; ++c) {
    const std::string value(1, static_cast<char>(c));
    EXPECT_EQ(text_line({{"a", value}}).find('\n'), std::string::npos) << c;
    EXPECT_EQ(json_line({{"a", value}}).find('\n'), std::string::npos) << c;
  }
  EXPECT_TRUE(text_line({{"a", "x\ny"}}).ends_with("a=\"x\\u000ay\""));
}

TEST(LogTest, ErrorsAreWrittenWithTheirCause) {
  const Error error{.code = Errc::kIo, .os_error = ENOSPC, .what = "cannot write", .at = 4096};
  EXPECT_TRUE(text_line({{"error", error}})
                  .ends_with(R"_(error="cannot write: No space left on device (io, at 4096)")_"));
}

TEST(LogTest, JsonLineParsesAndKeepsTypes) {
  const auto line = JsonValue::parse(json_line(
      {{"n", 18'446'744'073'709'551'615U}, {"delta", -4}, {"ok", false}, {"who", "a\"b"}}));
  EXPECT_EQ(line["time"], "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(line["level"], "ERROR");
  EXPECT_EQ(line["id"], "wal.lost");
  EXPECT_EQ(line["message"], "gone");
  EXPECT_EQ(line["n"], 18'446'744'073'709'551'615U);
  EXPECT_EQ(line["delta"], -4);
  EXPECT_EQ(line["ok"], false);
  EXPECT_EQ(line["who"], "a\"b");
}

TEST(LogTest, JsonStaysValidForNumbersItDoesNotHave) {
  const auto line = JsonValue::parse(json_line({{"nan", std::numeric_limits<double>::quiet_NaN()},
                                                {"inf", std::numeric_limits<double>::infinity()}}));
  EXPECT_TRUE(line["nan"].is_null());
  EXPECT_TRUE(line["inf"].is_null());
}

TEST(LogTest, MalformedUtf8IsReplacedAndGoodUtf8Kept) {
  const auto written = [](std::string_view value) {
    return JsonValue::parse(json_line({{"a", value}}))["a"].string();
  };
  const std::string replaced = "\xEF\xBF\xBD";
  EXPECT_EQ(written("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8C\x8A"),
            "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x8C\x8A");
  EXPECT_EQ(written("a\xFFz"), "a" + replaced + "z");
  EXPECT_EQ(written("\xC3"), replaced);                                // cut short
  EXPECT_EQ(written("\xC0\xAF"), replaced + replaced);                 // overlong '/'
  EXPECT_EQ(written("\xE0\x9F\xBF"), replaced + replaced + replaced);  // overlong
  EXPECT_EQ(written("\xED\xA0\x80"), replaced + replaced + replaced);  // surrogate
  EXPECT_EQ(written("\xF4\x90\x80\x80"), replaced + replaced + replaced + replaced);  // > U+10FFFF
}

TEST(LogTest, TimesBefore1970AreWrittenCorrectly) {
  EXPECT_TRUE(format_log_line(LogFormat::kText, {-1, LogLevel::kInfo, "a.b", "m"}, {})
                  .starts_with("1969-12-31T23:59:59.999Z "));
}

/// Standard error while `write` runs.
template <class Write>
std::string captured(Write&& write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, LinesBelowTheLevelAreNotWritten) {
  const std::string before = captured([] {
    log_debug("log_test.quiet", "hidden");
    log_info("log_test.loud", "shown");
  });
  EXPECT_EQ(before.find("hidden"), std::string::npos);
  EXPECT_NE(before.find(" INFO log_test.loud shown\n"), std::string::npos);
  set_log_level(LogLevel::kDebug);
  const std::string after = captured([] { log_debug("log_test.quiet", "visible"); });
  set_log_level(LogLevel::kInfo);
  EXPECT_NE(after.find(" DEBUG log_test.quiet visible\n"), std::string::npos);
}

TEST(LogTest, OnlyTheFirstLinesOfABurstAreWritten) {
  const std::string written = captured([] {
    for (int i = 0; i < 50; ++i) log_warn("log_test.burst", "again");
    log_warn("log_test.other", "different id");
    for (int i = 0; i < 50; ++i) log_info("log_test.info", "information is not limited");
  });
  const auto count = [&](std::string_view word) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = written.find(word, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("log_test.burst"), 5U);
  EXPECT_EQ(count("log_test.other"), 1U);
  EXPECT_EQ(count("log_test.info"), 50U);
}

TEST(LogTest, HiddenValuesAreStarsInBothFormats) {
  hide_in_log({"top-secret", "top-secret-and-more", "short"});
  EXPECT_NE(text_line({{"url", "http://u:top-secret@h/"}}).find("url=http://u:***@h/"),
            std::string::npos);
  EXPECT_EQ(json_line({{"a", "top-secret-and-more"}, {"b", "top-secret"}}).find("secret"),
            std::string::npos);
  EXPECT_NE(text_line({{"a", "short"}}).find("a=short"), std::string::npos);
}

}  // namespace
}  // namespace spillway
