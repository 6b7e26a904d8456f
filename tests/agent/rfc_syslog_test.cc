// With `parser = rfc` the fields are those of RFC 5424 and 3164, and frames those of RFC 6587.
#include "agent/sources/rfc_syslog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/sources/rfc_frames.h"
#include "tests/support/fake_clock.h"

namespace spillway::agent {
namespace {

using Strings = std::vector<std::string>;

Strings frames(std::string_view stream, std::size_t bytes_max, std::size_t piece_bytes) {
  RfcFrames cutter(bytes_max);
  Strings messages;
  std::string waiting;
  const auto keep = [&messages](const RfcFrames::Frame& frame) {
    if (frame.has_message)
      messages.push_back(std::string(frame.message) + (frame.is_cut ? "~" : ""));
  };
  while (!stream.empty()) {
    waiting += stream.substr(0, piece_bytes);
    stream.remove_prefix(std::min(piece_bytes, stream.size()));
    while (true) {
      const RfcFrames::Frame frame = cutter.next(waiting);
      keep(frame);
      waiting.erase(0, frame.used_bytes);
      if (frame.used_bytes == 0) break;
    }
  }
  keep(cutter.finish(waiting));
  return messages;
}

void expect_frames(std::string_view stream, std::size_t bytes_max, const Strings& expected) {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    EXPECT_EQ(frames(stream, bytes_max, piece), expected) << stream << " in pieces of " << piece;
  }
}

TEST(RfcFramesTest, CountedMessagesAndLinesMayAlternate) {
  expect_frames("5 <1>ab<2>cd\n6 <3>e\nf7 <4>gh\r\n<5>i\r\n\n<6>j", 100,
                {"<1>ab", "<2>cd", "<3>e\nf", "<4>gh", "<5>i", "<6>j"});
}

TEST(RfcFramesTest, LineThatBeginsWithANumberIsALine) {
  expect_frames("2026-10-11 x\n12 monkeys\n12345678901 <a\n", 100,
                {"2026-10-11 x", "12 monkeys", "12345678901 <a"});
}

TEST(RfcFramesTest, WhatExceedsTheLimitIsThrownAway) {
  expect_frames("<1>0123456789\n<2>a\n", 6, {"<1>012~", "<2>a"});
  expect_frames("13 <1>01234567893 <2>5 <3>ab", 6, {"<1>012~", "<2>", "<3>ab"});
  expect_frames("4000000000 <1>0123", 6, {"<1>012~"});
}

TEST(RfcFramesTest, CountedMessageThatNeverEndsIsIncomplete) {
  expect_frames("50 <1>ab", 100, {"<1>ab~"});
}

TEST(RfcSyslogTest, Rfc5424HasAllItsFields) {
  const RfcMessage parsed = parse_rfc_syslog(
      "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 4711 ID47 "
      "[exampleSDID@32473 iut=\"3\" eventSource=\"a \\\"]\\\\\"][x y=\"z\"] \xEF\xBB\xBF"
      "An event");
  ASSERT_TRUE(parsed.is_valid);
  EXPECT_EQ(parsed.priority, 165);
  EXPECT_EQ(parsed.fields.version, "1");
  EXPECT_EQ(parsed.fields.timestamp, "2003-10-11T22:14:15.003Z");
  EXPECT_EQ(parsed.fields.host, "mymachine.example.com");
  EXPECT_EQ(parsed.app_name, "evntslog");
  EXPECT_EQ(parsed.proc_id, "4711");
  EXPECT_EQ(parsed.msg_id, "ID47");
  EXPECT_EQ(parsed.structured_data,
            "[exampleSDID@32473 iut=\"3\" eventSource=\"a \\\"]\\\\\"][x y=\"z\"]");
  EXPECT_EQ(parsed.message, "An event");
}

TEST(RfcSyslogTest, NilFieldsAreAbsentAndTheMessageMayBe) {
  const RfcMessage parsed = parse_rfc_syslog("<0>1 - - - - - -");
  ASSERT_TRUE(parsed.is_valid);
  EXPECT_EQ(parsed.fields.host, "");
  EXPECT_EQ(parsed.structured_data, "");
  EXPECT_EQ(parsed.message, "");
}

TEST(RfcSyslogTest, Rfc3164HasTagAndProcessId) {
  const RfcMessage parsed = parse_rfc_syslog("<34>Oct 11 22:14:15 mymachine su[12]: 'su root'");
  ASSERT_TRUE(parsed.is_valid);
  EXPECT_EQ(parsed.fields.host, "mymachine");
  EXPECT_EQ(parsed.app_name, "su");
  EXPECT_EQ(parsed.proc_id, "12");
  EXPECT_EQ(parsed.message, "'su root'");
}

TEST(RfcSyslogTest, Rfc3164ToleratesWhatSendersDo) {
  EXPECT_EQ(parse_rfc_syslog("<34>Oct  1 22:14:15 cron: x").app_name, "cron");  // no host
  EXPECT_EQ(parse_rfc_syslog("<34>Oct  1 22:14:15 cron: x").fields.host, "");
  EXPECT_EQ(parse_rfc_syslog("<34>2026-10-11T22:14:15+02:00 h app: x").fields.host, "h");
  EXPECT_EQ(parse_rfc_syslog("<34>Oct 01 22:14:15 h no tag here").message, "no tag here");
}

TEST(RfcSyslogTest, WhatBreaksTheRulesIsInvalid) {
  for (const char* line :
       {"", "x", "<>x", "<192>1 - - - - - -", "<01>1 - - - - - -", "<1>2 - - - -",
        "<1>1 2026-13-11T22:14:15Z h a - - - m", "<1>1 2026-10-11T22:14:15 h a - - -",
        "<1>1 2026-10-11T22:14:61Z h a - - -", "<1>1 - h a - - [x", "<1>1 - h a - -",
        "<1>1 - h a - - [x y=\"z\"]m", "<1>1 - h\xE9 a - - -", "<1>Feb 30 10:00:00 h x",
        "<1>Oct 11 24:00:00 h x", "<1>hello"}) {
    EXPECT_FALSE(parse_rfc_syslog(line).is_valid) << line;
  }
}

TEST(RfcSyslogTest, ZoneIsHonouredAndFractionsAreDecimals) {
  EXPECT_EQ(rfc_timestamp_ms("2026-10-11T22:14:15.5Z", 0), 1'791'756'855'500);
  EXPECT_EQ(rfc_timestamp_ms("2026-10-11T22:14:15.123456-07:00", 0), 1'791'782'055'123);
  EXPECT_EQ(rfc_timestamp_ms("2026-10-11T22:14:15", 0), std::nullopt);
}

TEST(RfcSyslogTest, InvalidMessageIsAnEventThatSaysSo) {
  test::FakeClock clock;
  RfcSyslogParser parser({}, {}, clock);
  channel::EventBatch batch;
  parser.add("<13>hello", false, {}, batch);
  EXPECT_EQ(batch[0].body(), "<13>hello");
  EXPECT_EQ(batch[0].header("flume.syslog.status"), "Invalid");
  EXPECT_EQ(batch[0].header("Severity"), "5");
  parser.add("<13>1 - h a p i [s] m", true, {}, batch);
  EXPECT_EQ(batch[1].body(), "m");
  EXPECT_EQ(batch[1].header("flume.syslog.status"), "Incomplete");
  EXPECT_EQ(batch[1].header("appName"), "a");
  EXPECT_EQ(batch[1].header("structuredData"), "[s]");
}

}  // namespace
}  // namespace spillway::agent
