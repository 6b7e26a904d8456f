// Every escape of Flume's has Flume's value, one that does not exist is refused at the start, and
// no event can make a path of more parts than its template has.
#include "agent/path_template.h"

#include <gtest/gtest.h>

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "channel/event_batch.h"
#include "tests/support/environment.h"
#include "tests/support/fake_clock.h"

namespace spillway::agent {
namespace {

/// The process's time zone, for a while.
class ScopedZone {
 public:
  explicit ScopedZone(const char* zone) {
    variable_.emplace("TZ", zone);
    ::tzset();
  }
  ScopedZone(const ScopedZone&) = delete;
  ScopedZone& operator=(const ScopedZone&) = delete;
  ~ScopedZone() {
    variable_.reset();
    ::tzset();
  }

 private:
  std::optional<test::Environment> variable_;
};

struct PathTemplateTest : testing::Test {
  std::string render(std::string_view text, const std::vector<channel::HeaderView>& headers = {},
                     const PathTemplateOptions& options = {.is_utc = true}) {
    channel::EventBatch batch;
    batch.add(headers, "body");
    auto path = std::move(PathTemplate::compile(text, options, clock).value());
    std::string out;
    has_time = path.append(batch[0], out);
    return out;
  }

  test::FakeClock clock;
  bool has_time = false;
};

TEST_F(PathTemplateTest, TimesAreFlumes) {
  // 2021-03-04T05:06:07.089Z, a Thursday.
  const std::vector<channel::HeaderView> headers{{"timestamp", "1614834367089"}};
  const std::vector<std::pair<std::string, std::string>> escapes{{"%t", "1614834367089"},
                                                                 {"%s", "1614834367"},
                                                                 {"%a", "Thu"},
                                                                 {"%A", "Thursday"},
                                                                 {"%b", "Mar"},
                                                                 {"%B", "March"},
                                                                 {"%c", "Thu Mar 4 05:06:07 2021"},
                                                                 {"%d", "04"},
                                                                 {"%e", "4"},
                                                                 {"%D", "03/04/21"},
                                                                 {"%H", "05"},
                                                                 {"%k", "5"},
                                                                 {"%I", "05"},
                                                                 {"%l", "5"},
                                                                 {"%j", "063"},
                                                                 {"%m", "03"},
                                                                 {"%n", "3"},
                                                                 {"%M", "06"},
                                                                 {"%p", "AM"},
                                                                 {"%S", "07"},
                                                                 {"%y", "21"},
                                                                 {"%Y", "2021"},
                                                                 {"%z", "+0000"},
                                                                 {"%%", "%"},
                                                                 {"x%Y/%m-%dy", "x2021/03-04y"}};
  for (const auto& [escape, value] : escapes) {
    EXPECT_EQ(render(escape, headers), value) << escape;
    EXPECT_TRUE(has_time);
  }
  EXPECT_EQ(render("%H %I %l %p", {{"timestamp", "1614801600000"}}), "20 08 8 PM");
}

TEST_F(PathTemplateTest, HeadersAndHosts) {
  EXPECT_EQ(render("a/%{x}/%{y.z-1}/b", {{"x", "1"}, {"y.z-1", "2"}}), "a/1/2/b");
  EXPECT_EQ(render("[%{missing}]"), "[]");
  EXPECT_FALSE(render("%[localhost]").empty());
  EXPECT_FALSE(render("%[FQDN]").empty());
  EXPECT_NE(render("%[IP]").find('.'), std::string::npos);
}

TEST_F(PathTemplateTest, WhatAHeaderSaysStaysInItsPlace) {
  EXPECT_EQ(render("%{h}", {{"h", std::string_view("a/../b\0\n\x7F", 9)}}), "a_.._b___");
  EXPECT_EQ(render("%{h}", {{"h", std::string(1'000, 'x')}}), std::string(200, 'x'));
  EXPECT_EQ(render("%{h}", {{"h", "%Y%{h}"}}), "%Y%{h}");
}

TEST_F(PathTemplateTest, AnEventWithoutATimeHasThatOfRendering) {
  for (const char* const value : {"", "soon", "12 ", "99999999999999999999"}) {
    EXPECT_EQ(render("%Y", {{"timestamp", value}}), "2023") << value;
    EXPECT_FALSE(has_time) << value;
  }
  EXPECT_EQ(render("%{h}"), "");
  EXPECT_TRUE(has_time);
  EXPECT_EQ(render("%Y", {{"timestamp", "0"}}, {.is_utc = true, .uses_local_time = true}), "2023");
  EXPECT_TRUE(has_time);
}

TEST_F(PathTemplateTest, TimesFarAwayDoNoHarm) {
  EXPECT_EQ(render("%Y-%m-%d", {{"timestamp", "-1"}}), "1969-12-31");
  for (const char* const value : {"9223372036854775807", "-9223372036854775808"}) {
    EXPECT_LT(render("%c%Y", {{"timestamp", value}}).size(), 200U);
  }
}

TEST_F(PathTemplateTest, ATimeIsMadeAnewForEachSecond) {
  channel::EventBatch batch;
  for (const char* const time : {"1000", "1999", "2000", "1000"}) {
    batch.add(std::vector<channel::HeaderView>{{"timestamp", time}}, "");
  }
  auto path = std::move(PathTemplate::compile("%S", {.is_utc = true}, clock).value());
  std::string out;
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_TRUE(path.append(batch[i], out));
  EXPECT_EQ(out, "01010201");
}

TEST_F(PathTemplateTest, WhatIsKeptOfATimeIsWhatWouldBeMadeAnew) {
  // Around changes of minutes, hours, days and clocks; Lord Howe Island's clocks change by half an
  // hour, Liberia's were set by 44 minutes and 30 seconds in 1972.
  for (const char* const zone : {"UTC", "Australia/Lord_Howe", "Africa/Monrovia", "right/UTC"}) {
    const ScopedZone scope(zone);
    for (const char* const text : {"%M", "%H:%M", "%Y-%m-%d/%H", "%c", "%z%d"}) {
      auto kept = std::move(PathTemplate::compile(text, {}, clock).value());
      for (const std::int64_t around : {0LL, 63'593'070LL, 1'614'834'367LL, 1'617'462'000LL}) {
        for (std::int64_t i = 0; i < 130; ++i) {  // to and fro
          const std::int64_t second = around + (i % 2 == 0 ? i : -i);
          const std::string time = std::to_string(second * 1000);
          channel::EventBatch batch;
          batch.add(std::vector<channel::HeaderView>{{"timestamp", time}}, "");
          std::string out;
          kept.append(batch[0], out);
          ASSERT_EQ(out, render(text, {{"timestamp", time}}, {})) << zone << " " << text << time;
        }
      }
    }
  }
}

TEST_F(PathTemplateTest, ATimeIsReadAsIfItWereTheFirst) {
  const std::vector<std::string> times{
      "1614834367089", "1614834367090", "1614834369999", "1614834370000",        "161483436708x",
      "1614834367089", "161483436+089", "-614834367089", "-614834367090",        "1234",
      "1235",          "12345",         "12346",         "99999999999999999999", "12346"};
  auto kept = std::move(PathTemplate::compile("%t", {}, clock).value());
  for (const std::string& time : times) {
    channel::EventBatch batch;
    batch.add(std::vector<channel::HeaderView>{{"timestamp", time}}, "");
    std::string out;
    const bool is_time = kept.append(batch[0], out);
    EXPECT_EQ(out, render("%t", {{"timestamp", time}}, {})) << time;
    EXPECT_EQ(is_time, has_time) << time;
  }
}

TEST_F(PathTemplateTest, EveryUnsafeByteIsReplacedWhereverItIs) {
  for (const std::size_t size : {1U, 7U, 8U, 9U, 16U, 21U}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string value(size, '\xC3');
        value[at] = static_cast<char>(byte);
        std::string out = "/";
        append_path_safe(value, out);
        if (byte == '/' || byte < 0x20 || byte == 0x7F) value[at] = '_';
        ASSERT_EQ(out, "/" + value) << size << " " << at << " " << byte;
      }
    }
  }
}

TEST_F(PathTemplateTest, WhatDoesNotExistIsRefusedWithItsPlace) {
  const std::vector<std::pair<std::string, std::uint64_t>> wrong{
      {"a%Q", 1},       {"%{a", 0},    {"%{}", 0},  {"%{a b}", 0},
      {"%[nosuch]", 0}, {"%[a.b]", 0}, {"100%", 3}, {"%-d", 0}};
  for (const auto& [text, at] : wrong) {
    const auto compiled = PathTemplate::compile(text, {}, clock);
    ASSERT_FALSE(compiled.has_value()) << text;
    EXPECT_EQ(compiled.error().code, Errc::kBadConfig);
    EXPECT_EQ(compiled.error().at, at) << text;
  }
}

}  // namespace
}  // namespace spillway::agent
