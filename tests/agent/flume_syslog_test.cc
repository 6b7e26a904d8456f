// syslogtcp and syslogudp read what Flume 1.11 reads, with its headers, times and invalid events.
#include "agent/sources/flume_syslog.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace spillway::agent {
namespace {

constexpr std::int64_t kNow = 1'795'387'200'000;  // 2026-11-22T22:40:00Z

struct Made {
  std::map<std::string, std::string> headers;
  std::string body;
};

Made event_in(const channel::EventBatch& batch, std::size_t index) {
  Made made{.headers = {}, .body = std::string(batch[index].body())};
  batch[index].for_each_header(
      [&](const channel::HeaderView& header) { made.headers.emplace(header.key, header.value); });
  return made;
}

struct FlumeSyslogTest : testing::Test {
  FlumeSyslogTest() {
    setenv("TZ", "UTC-2", 1);  // two hours east of UTC
    tzset();
    clock.set_wall_ms(kNow);
  }
  ~FlumeSyslogTest() override {
    unsetenv("TZ");
    tzset();
  }

  // Every event of a stream that arrives in pieces of `piece_bytes`.
  std::vector<Made> events(std::string_view stream, std::string_view keep = "none",
                           std::size_t bytes_max = 2500) {
    FlumeSyslogParser parser({.keep = KeepFields::parse(keep), .peer_headers = {}}, clock);
    channel::EventBatch batch;
    std::size_t scanned = 0;
    while (true) {
      const FlumeFrame frame = next_flume_frame(stream, bytes_max, scanned);
      stream.remove_prefix(frame.used_bytes);
      if (!frame.is_whole) break;
      parser.add(frame, {}, batch);
    }
    std::vector<Made> made;
    for (std::size_t i = 0; i < batch.size(); ++i) made.push_back(event_in(batch, i));
    return made;
  }
  // Of one line, by a format of the operator's own.
  Made event_of(const std::map<std::string, std::string>& options, std::string_view line,
                std::string_view keep = "none") {
    static constexpr std::array kRows{kFormatRegexOption, kFormatSearchOption, kFormatReplaceOption,
                                      kFormatDateOption};
    auto format = SyslogFormat::read(Config::of(kRows, options));
    CHECK(format.has_value());
    FlumeSyslogParser parser(
        {.keep = KeepFields::parse(keep), .peer_headers = {}, .format = std::move(format.value())},
        clock);
    std::size_t scanned = 0;
    channel::EventBatch batch;
    parser.add(next_flume_frame(line, 2500, scanned), {}, batch);
    return event_in(batch, 0);
  }
  Made event(std::string_view line, std::string_view keep = "none") {
    const auto made = events(std::string(line) + "\n", keep);
    EXPECT_EQ(made.size(), 1U) << line;
    return made.empty() ? Made{} : made.front();
  }

  test::FakeClock clock;
};

using Headers = std::map<std::string, std::string>;

TEST_F(FlumeSyslogTest, Rfc5424LineHasItsHeadersAndKeepsTheFieldsBehindTheHostInTheBody) {
  const Made made = event("<34>1 2026-10-11T22:14:15Z mymachine su - ID47 - failed");
  EXPECT_EQ(made.headers, (Headers{{"Facility", "4"},
                                   {"Severity", "2"},
                                   {"priority", "34"},
                                   {"version", "1"},
                                   {"timestamp", "1791756855000"},
                                   {"host", "mymachine"}}));
  EXPECT_EQ(made.body, "su - ID47 - failed");
}

TEST_F(FlumeSyslogTest, FractionalTimeLosesItsZoneAsInJava) {
  // Local time, two hours east: the zone behind the fraction is ignored.
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15.003Z h m").headers["timestamp"], "1791749655003");
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15.003-07:00 h m").headers["timestamp"], "1791749655003");
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15-07:00 h m").headers["timestamp"], "1791782055000");
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15 h m").headers["timestamp"], "1791749655000");
  // Java's S is a number of milliseconds; microseconds are cut.
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15.5Z h m").headers["timestamp"], "1791749655005");
  EXPECT_EQ(event("<34>1 2026-10-11T22:14:15.123456Z h m").headers["timestamp"], "1791749655123");
}

TEST_F(FlumeSyslogTest, Rfc3164LineGetsTheYearThatIsNearest) {
  EXPECT_EQ(event("<10>Nov 22 10:00:00 host app: x").headers["timestamp"], "1795334400000");
  EXPECT_EQ(event("<10>Nov  2 10:00:00 host app: x").headers["timestamp"], "1793606400000");
  // More than a month ahead is last year; a little ahead is this one.
  EXPECT_EQ(event("<10>Dec 31 10:00:00 host app: x").headers["timestamp"], "1767168000000");
  EXPECT_EQ(event("<10>Dec  2 10:00:00 host app: x").headers["timestamp"], "1796198400000");
  clock.set_wall_ms(1'798'800'000'000);  // 2027-01-01T10:40:00Z
  EXPECT_EQ(event("<10>Dec 31 10:00:00 host app: x").headers["timestamp"], "1798704000000");
  EXPECT_EQ(event("<10>Foo 31 10:00:00 host app: x").headers.count("timestamp"), 0U);
}

TEST_F(FlumeSyslogTest, NilTimeAndHostGiveNoHeader) {
  const Made made = event("<13>1 - - body");
  EXPECT_EQ(made.headers,
            (Headers{{"Facility", "1"}, {"Severity", "5"}, {"priority", "13"}, {"version", "1"}}));
  EXPECT_EQ(made.body, "body");
}

TEST_F(FlumeSyslogTest, VersionAndItsSpaceAreOptional) {
  EXPECT_EQ(event("<13>2026-10-11T22:14:15Z h m").headers.count("version"), 0U);
  EXPECT_EQ(event("<13>12026-10-11T22:14:15Z h m").headers["version"], "1");
  EXPECT_EQ(event("<13>3Oct 11 22:14:15 h m").headers["version"], "3");
}

TEST_F(FlumeSyslogTest, LineThatFitsNoPatternKeepsItsPriorityAndIsTheBody) {
  for (const char* line :
       {"<13>hello", "<13>Oct 11 22:14:15 - m", "<13>1 2026-10-11 h m",
        "<13>1 2026-10-11T22:14:15Z h m\r", "<13>1 2026-10-11T22:14:15.1234567Z h m",
        "<13>1 2026-10-11T22:14:15Z -h m", "<13>Oct 11 22:14:15 h"}) {
    const Made made = event(line);
    EXPECT_EQ(made.headers, (Headers{{"Facility", "1"}, {"Severity", "5"}})) << line;
    EXPECT_EQ(made.body, line);
  }
}

TEST_F(FlumeSyslogTest, LineWithoutAPriorityIsInvalid) {
  for (const char* line : {"hello", "<>Oct", "<abc>x", "<1234>x", "x<13>"}) {
    const Made made = event(line);
    EXPECT_EQ(made.headers,
              (Headers{{"Facility", "0"}, {"Severity", "0"}, {"flume.syslog.status", "Invalid"}}))
        << line;
    EXPECT_EQ(made.body, line);
  }
}

TEST_F(FlumeSyslogTest, InvalidEventDoesNotCarryThePriorityOfTheOneBefore) {
  const auto made = events("<13>1 - h m\nhello\n");
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[1].headers.count("priority"), 0U);
}

TEST_F(FlumeSyslogTest, NewlineInsideThePriorityDoesNotEndTheLine) {
  const auto made = events("<13\nabc\n\n\n<14>x\n");
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].body, "<13\nabc");
  EXPECT_EQ(made[0].headers.at("flume.syslog.status"), "Invalid");
  EXPECT_EQ(made[1].body, "<14>x");
}

TEST_F(FlumeSyslogTest, LineAtTheLimitIsIncompleteAndItsRestInvalid) {
  const auto made = events("<13>1 - h 0123456789\n<13>1 - h m\n", "none", 15);
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made[0].body, "01234");
  EXPECT_EQ(made[0].headers.at("flume.syslog.status"), "Incomplete");
  EXPECT_EQ(made[1].body, "56789");
  EXPECT_EQ(made[1].headers.at("flume.syslog.status"), "Invalid");
  EXPECT_EQ(made[2].body, "m");
  // Exactly as long as the limit: incomplete, and its newline is no event.
  EXPECT_EQ(events("<13>1 - h 01234\n", "none", 15).size(), 1U);
}

TEST_F(FlumeSyslogTest, KeptFieldsArePutBeforeTheMessage) {
  const char* line = "<34>1 2026-10-11T22:14:15Z mymachine su: failed";
  EXPECT_EQ(event(line, "all").body, line);
  EXPECT_EQ(event(line, "TRUE").body, line);
  EXPECT_EQ(event(line, "false").body, "su: failed");
  EXPECT_EQ(event(line, "priority").body, "<34>su: failed");
  EXPECT_EQ(event(line, "priority version timestamp hostname").body, line);
  EXPECT_EQ(event(line, "timestamp,hostname").body, "2026-10-11T22:14:15Z mymachine su: failed");
  EXPECT_EQ(event("<34>1 - - m", "timestamp hostname").body, "- - m");
}

TEST_F(FlumeSyslogTest, EmptyMessageLeavesTheLineAsBody) {
  EXPECT_EQ(event("<34>1 - h ").body, "<34>1 - h ");
}

TEST_F(FlumeSyslogTest, MatchedTextBecomesValidUtf8AndOtherBytesStay) {
  EXPECT_EQ(event("<34>1 - h \xFF!").body, "\xEF\xBF\xBD!");
  EXPECT_EQ(event("<34>\xFF!").body, "<34>\xFF!");
}

TEST_F(FlumeSyslogTest, DatagramIsOneEventUpToItsNewline) {
  const auto body = [](std::string_view datagram) {
    const auto frame = flume_datagram_frame(datagram);
    return frame ? std::string(frame->line) : "dropped";
  };
  EXPECT_EQ(body("<13>a"), "<13>a");
  EXPECT_EQ(body("<13>a\n<14>b"), "<13>a");
  EXPECT_EQ(body("\n<13>a"), "<13>a");
  EXPECT_EQ(body(""), "dropped");
  EXPECT_EQ(body("\n\n"), "dropped");
  EXPECT_EQ(body("<"), "dropped");
  EXPECT_EQ(flume_datagram_frame("<13")->priority, 13);
  EXPECT_EQ(flume_datagram_frame("<13>a")->priority, 13);
  EXPECT_EQ(flume_datagram_frame("x")->priority, -1);
}

TEST_F(FlumeSyslogTest, OwnFormatIsTriedBeforeFlumesPatterns) {
  const std::map<std::string, std::string> own{
      {"format.regex", R"(<(\d{1,3})>(\d?) ?\[([^\]]*)\] (\S+) (.*))"},
      {"format.search", R"((\d+)/(\d+)/(\d+))"},
      {"format.replace", "$3-$2-$1"},
      {"format.dateFormat", "yyyy-MM-dd HH:mm:ss Z"}};
  const Made made = event_of(own, "<34>[11/10/2026 22:14:15 +0000] box a message\n");
  EXPECT_EQ(made.headers, (Headers{{"Facility", "4"},
                                   {"Severity", "2"},
                                   {"priority", "34"},
                                   {"timestamp", "1791756855000"},
                                   {"host", "box"}}));
  EXPECT_EQ(made.body, "a message");
  EXPECT_EQ(event_of(own, "<34>[11/10/2026 22:14:15 +0000] box m\n", "timestamp").body,
            "11/10/2026 22:14:15 +0000 m");
  EXPECT_FALSE(event_of(own, "<34>[soon] box m\n").headers.contains("timestamp"));
  EXPECT_EQ(event_of(own, "<34>1 - h as ever\n").body, "as ever");
  // Groups that the pattern does not have are fields that are not there.
  EXPECT_EQ(event_of({{"format.regex", "<(\\d+)>.*"}}, "<34>x\n").headers,
            (Headers{{"Facility", "4"}, {"Severity", "2"}, {"priority", "34"}}));
}

TEST_F(FlumeSyslogTest, OwnFormatThatCannotWorkIsRefused) {
  using Given = std::map<std::string, std::string>;
  static constexpr std::array kRows{kFormatRegexOption, kFormatSearchOption, kFormatReplaceOption,
                                    kFormatDateOption};
  for (const Given& given :
       {Given{{"format.regex", "("}}, Given{{"format.dateFormat", "yyyy"}},
        Given{{"format.regex", "a"}, {"format.search", "b"}},
        Given{{"format.regex", "a"}, {"format.search", "b"}, {"format.replace", "$1"}},
        Given{{"format.regex", "a"}, {"format.dateFormat", "qqq"}}}) {
    EXPECT_FALSE(SyslogFormat::read(Config::of(kRows, given)).has_value());
  }
}

}  // namespace
}  // namespace spillway::agent
