// multiport_syslogtcp reads lines as Flume's SyslogParser does, not as syslogtcp does.
#include "agent/sources/multiport_syslog.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace spillway::agent {
namespace {

using Headers = std::map<std::string, std::string>;

struct MultiportSyslogTest : testing::Test {
  MultiportSyslogTest() { clock.set_wall_ms(1'795'387'200'000); }  // 2026-11-22T22:40:00Z

  Headers parse(std::string_view line, std::string_view keep = "none",
                const Charset& charset = {}) {
    MultiportSyslogParser parser(KeepFields::parse(keep), {}, clock);
    channel::EventBatch batch;
    parser.add(line, false, charset, {}, batch);
    Headers headers;
    batch[0].for_each_header(
        [&](const channel::HeaderView& header) { headers.emplace(header.key, header.value); });
    body = batch[0].body();
    return headers;
  }

  test::FakeClock clock;
  std::string body;
};

const Headers kInvalid{{"flume.syslog.status", "Invalid"}};

TEST_F(MultiportSyslogTest, HeaderNamesBeginWithCapitals) {
  EXPECT_EQ(parse("<34>1 2026-10-11T22:14:15.003Z mymachine su - ID47 - failed"),
            (Headers{{"Priority", "34"},
                     {"Facility", "4"},
                     {"Severity", "2"},
                     {"Version", "1"},
                     {"timestamp", "1791756855003"},
                     {"host", "mymachine"}}));
  EXPECT_EQ(body, "su - ID47 - failed");
}

TEST_F(MultiportSyslogTest, ZoneOfAFractionalTimeIsHonoured) {
  EXPECT_EQ(parse("<1>2026-10-11T22:14:15.5-07:00 h m")["timestamp"], "1791782055500");
  EXPECT_EQ(parse("<1>2026-10-11T22:14:15.123456789+02:00 h m")["timestamp"], "1791749655123");
  EXPECT_EQ(parse("<1>2026-10-11T22:14:15? h m")["timestamp"], "1791756855000");
}

TEST_F(MultiportSyslogTest, TimeWithoutAYearIsUtc) {
  EXPECT_EQ(parse("<1>Nov 22 10:00:00 h m")["timestamp"], "1795341600000");
  EXPECT_EQ(parse("<1>Nov  2 10:00:00 h m")["timestamp"], "1793613600000");
  EXPECT_EQ(parse("<1>Dec 31 10:00:00 h m")["timestamp"], "1767175200000");
  EXPECT_EQ(parse("<1>Feb 31 10:00:00 h m")["timestamp"], "0");  // as Flume
}

TEST_F(MultiportSyslogTest, DashIsNow) {
  EXPECT_EQ(parse("<1>1 - h m")["timestamp"], "1795387200000");
}

TEST_F(MultiportSyslogTest, WhatDoesNotParseIsInvalidAndWhole) {
  for (const char* line :
       {"hello", "<1", "<12345678>x", "<x>Nov 22 10:00:00 h m", "<1>", "<1>-", "<1>- h",
        "<1>Nov 22 10:00", "<1>2026-10-11T22:14:15 h m", "<1>2026-10-11T22:14:15.Z h m",
        "<1>2026-10-11T22:14:15.123 h m", "<1>2026-10-11T22:14:15+7 h m",
        "<1>2026-13-11T22:14:15Z h m", "<1>Nov 22 10:00:00 h", "<1> h m"}) {
    EXPECT_EQ(parse(line), kInvalid) << line;
    EXPECT_EQ(body, line);
  }
}

TEST_F(MultiportSyslogTest, CharacterSetDecidesWhatDecodes) {
  const char* latin = "<1>1 - caf\xE9 m\xE9";
  EXPECT_EQ(parse(latin), kInvalid);
  EXPECT_EQ(parse(latin, "none", Encoding::kUsAscii), kInvalid);
  EXPECT_EQ(parse(latin, "none", Encoding::kIso88591)["host"], "caf\xC3\xA9");
  EXPECT_EQ(body, "m\xE9");  // the body stays in its own character set
  const Charset gbk = Charset::named("GBK").value();
  EXPECT_EQ(parse("<1>1 - \xD6\xD0 m\xCE\xC4", "none", gbk)["host"], "\xE4\xB8\xAD");
  EXPECT_EQ(body, "m\xCE\xC4");
  EXPECT_EQ(parse("<1>1 - h \xFF", "none", gbk), kInvalid);
}

TEST_F(MultiportSyslogTest, KeptFieldsArePutBeforeTheMessage) {
  const char* line = "<34>1 2026-10-11T22:14:15Z h m";
  parse(line, "all");
  EXPECT_EQ(body, line);
  parse(line, "priority version timestamp hostname");
  EXPECT_EQ(body, line);
  parse(line, "hostname");
  EXPECT_EQ(body, "h m");
}

TEST_F(MultiportSyslogTest, LongLineIsCutAndItsRestIsTheNextLine) {
  std::string_view stream = "0123456789abc\nxy\n";
  std::vector<std::string> lines;
  std::size_t scanned = 0;
  while (true) {
    const MultiportFrame frame = next_multiport_frame(stream, 10, scanned);
    stream.remove_prefix(frame.used_bytes);
    if (!frame.is_whole) break;
    lines.push_back(std::string(frame.line) + (frame.is_cut ? " cut" : ""));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"0123456789 cut", "abc", "xy"}));
}

}  // namespace
}  // namespace spillway::agent
