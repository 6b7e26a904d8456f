// `taildir` makes one event of each complete line, with the headers asked for, whatever the line
// looks like and however often the channels refuse.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/taildir_rig.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Lines = std::vector<std::string>;
using test::TaildirRig;
using Options = TaildirRig::Options;

TEST(TaildirSourceTest, ReadsLinesOfMatchingFilesOnly) {
  TaildirRig rig;
  rig.append("a.log", "one\ntwo\r\n\nthr");
  rig.append("a.log.1", "no\n");
  rig.append("b.txt", "no\n");
  std::filesystem::create_directory(rig.logs() / "dir.log");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"one", "two", ""}));
  rig.append("a.log", "ee\n");
  rig.append("new.log", "four\n");
  EXPECT_EQ(rig.lines(), (Lines{"three", "four"}));
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST(TaildirSourceTest, UnterminatedLastLineIsDeliveredOnceTheFileIsIdle) {
  TaildirRig rig(Options{{"idleTimeout", "10s"}});
  rig.start();
  rig.append("a.log", "half");
  EXPECT_EQ(rig.lines(), Lines{});
  rig.advance(milliseconds(9'999));
  EXPECT_EQ(rig.lines(), Lines{});
  rig.advance(milliseconds(1));
  EXPECT_EQ(rig.lines(), (Lines{"half"}));
  rig.append("a.log", "\nnext\n");  // the newline that came late ends no other line
  EXPECT_EQ(rig.lines(), (Lines{"next"}));
}

TEST(TaildirSourceTest, RefusedLinesComeAgainInOrderAndOnce) {
  TaildirRig rig(Options{{"batchSize", "2"}});
  rig.append("a.log", "1\n2\n3\n4\n5\n");
  rig.start();
  ASSERT_TRUE(rig.source().poll().has_value());
  rig.receiver().fail_next(2);
  EXPECT_EQ(rig.source().poll().error().code, Errc::kFull);
  rig.append("a.log", "6\n");
  EXPECT_EQ(rig.source().poll().error().code, Errc::kFull);
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(rig.source().counters().channel_write_failures.value(), 2U);
  EXPECT_EQ(rig.source().counters().events_accepted.value(), 6U);
}

TEST(TaildirSourceTest, RefusedLinesBeforeAnUnterminatedOneComeAgainAtOnce) {
  TaildirRig rig;
  rig.append("a.log", "1\n2\nhalf");
  rig.start();
  rig.receiver().fail_next(1);
  EXPECT_FALSE(rig.source().poll().has_value());
  EXPECT_EQ(rig.lines(), (Lines{"1", "2"}));  // although the file has not changed
}

TEST(TaildirSourceTest, BatchesSpanFilesAndAreBounded) {
  TaildirRig rig(Options{{"batchSize", "4"}});
  for (const char* const name : {"a.log", "b.log", "c.log"}) rig.append(name, "x\ny\nz\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 9U);
  EXPECT_EQ(rig.receiver().batch_sizes(), (std::vector<std::size_t>{4, 4, 1}));
}

TEST(TaildirSourceTest, MaxBatchCountLetsOtherFilesHaveTheirTurn) {
  TaildirRig rig(Options{{"batchSize", "2"}, {"maxBatchCount", "1"}});
  rig.append("a.log", "a1\na2\na3\na4\n");
  rig.append("b.log", "b1\nb2\n");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"a1", "a2", "b1", "b2", "a3", "a4"}));
}

TEST(TaildirSourceTest, HeadersSayWhereALineComesFrom) {
  TaildirRig rig(Options{{"fileHeader", "true"},
                         {"fileHeaderKey", "path"},
                         {"byteOffsetHeader", "true"},
                         {"headers.f1.app", "shop"},
                         {"headers.f1.tier.name", "web"}});
  rig.append("a.log", "one\ntwo\n");
  rig.start();
  ASSERT_EQ(rig.lines().size(), 2U);
  using Headers = std::map<std::string, std::string>;
  const Headers expected{
      {"app", "shop"}, {"tier.name", "web"}, {"path", rig.log("a.log")}, {"byteoffset", "4"}};
  EXPECT_EQ(rig.receiver().events()[1].headers, expected);
}

TEST(TaildirSourceTest, HeaderKeysStayUnique) {
  TaildirRig rig(Options{{"fileHeader", "true"},
                         {"byteOffsetHeader", "true"},
                         {"headers.f1.file", "overridden"},
                         {"headers.f1.byteoffset", "kept"}});
  rig.append("a.log", "one\n");
  rig.start();
  ASSERT_EQ(rig.lines().size(), 1U);
  using Headers = std::map<std::string, std::string>;
  const Headers expected{{"file", rig.log("a.log")}, {"byteoffset", "kept"}};
  EXPECT_EQ(rig.receiver().events()[0].headers, expected);
}

TEST(TaildirSourceTest, GroupsHaveTheirOwnPatternsAndHeaders) {
  const test::TempDir other;
  TaildirRig rig(Options{{"filegroups", "f1 f2"},
                         {"filegroups.f2", other.path().string() + "/exact.txt"},
                         {"headers.f1.group", "1"},
                         {"headers.f2.group", "2"}});
  rig.append("a.log", "1\n");
  other.write("exact.txt", "2\n");
  other.write("inexact.txt", "no\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 2U);
  for (const auto& event : rig.receiver().events()) {
    EXPECT_EQ(event.headers.at("group"), event.body);
  }
}

TEST(TaildirSourceTest, LongLinesAreSplitBetweenCharacters) {
  TaildirRig rig(Options{{"maxLineLength", "16"}});
  rig.append("a.log", std::string(16, 'x') + "\r\n" + std::string(15, 'y') + "\xC3\xA9z\nshort\n");
  rig.append("b.log", std::string(40, 'z'));  // delivered as far as it can never be one line
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{std::string(16, 'x'), std::string(15, 'y'), "\xC3\xA9z", "short",
                                std::string(16, 'z'), std::string(16, 'z')}));
  rig.append("b.log", "end\n");
  EXPECT_EQ(rig.lines(), (Lines{"zzzzzzzzend"}));
}

TEST(TaildirSourceTest, LinesLongerThanOneReadComeWhole) {
  TaildirRig rig;
  const std::string line(900'000, 'x');
  rig.append("a.log", "before\n" + line + "\nafter\n");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"before", line, "after"}));
}

TEST(TaildirSourceTest, OnlyTheLineNoChannelCanHoldIsDropped) {
  TaildirRig rig(Options{{"batchSize", "8"}});
  rig.append("a.log", "1\n2\n3\n4\n5\n");
  rig.receiver().set_batch_size_max(1);
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3", "4", "5"}));
  rig.receiver().set_batch_size_max(0);
  rig.append("a.log", "6\n");
  EXPECT_EQ(rig.lines(), Lines{});
  EXPECT_EQ(rig.metrics().counters.at("taildir_dropped_lines_total"), 1U);
  rig.receiver().set_batch_size_max(100);
  rig.append("a.log", "7\n");
  EXPECT_EQ(rig.lines(), (Lines{"7"}));
}

TEST(TaildirSourceTest, SkipToEndSkipsWhatIsThereAtTheStartOnly) {
  TaildirRig rig(Options{{"skipToEnd", "true"}});
  rig.append("a.log", "old\n");
  rig.start();
  EXPECT_EQ(rig.lines(), Lines{});
  rig.append("a.log", "new\n");
  rig.append("b.log", "new file\n");
  EXPECT_EQ(rig.lines(), (Lines{"new", "new file"}));
  rig.source().stop();
  rig.append("a.log", "while down\n");
  rig.crash();
  EXPECT_EQ(rig.lines(), (Lines{"while down"}));  // it has a position
}

TEST(TaildirSourceTest, ACachedListingIsRenewedWhenTheDirectoryChanges) {
  TaildirRig rig;
  rig.start();
  EXPECT_EQ(rig.lines(), Lines{});
  rig.advance(seconds(100));
  EXPECT_EQ(rig.lines(), Lines{});
  rig.append("a.log", "one\n");
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
}

TEST(TaildirSourceTest, ACachedListingIsNotTrustedWhileTheDirectoryMayChangeUnnoticed) {
  TaildirRig rig;
  rig.start();
  rig.append("a.log", "one\n");
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
  const auto changed_at = std::filesystem::last_write_time(rig.logs());
  rig.advance(milliseconds(1'999));
  rig.append("b.log", "two\n");
  std::filesystem::last_write_time(rig.logs(), changed_at);  // within one tick of a coarse clock
  EXPECT_EQ(rig.lines(), (Lines{"two"}));
}

TEST(TaildirSourceTest, WithoutCachingEveryLookListsTheDirectory) {
  TaildirRig rig(Options{{"cachePatternMatching", "false"}});
  rig.start();
  EXPECT_EQ(rig.lines(), Lines{});
  const auto changed_at = std::filesystem::last_write_time(rig.logs());
  rig.advance(seconds(100));
  EXPECT_EQ(rig.lines(), Lines{});
  rig.append("a.log", "one\n");
  std::filesystem::last_write_time(rig.logs(), changed_at);
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
}

TEST(TaildirSourceTest, MoreFilesThanMayBeOpenAreAllRead) {
  TaildirRig rig(Options{{"maxOpenFiles", "4"}});
  for (int i = 0; i < 50; ++i) rig.append(std::to_string(i) + ".log", "first\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 50U);
  for (int i = 0; i < 50; ++i) rig.append(std::to_string(i) + ".log", "second\n");
  EXPECT_EQ(rig.lines(), Lines(50, "second"));
  EXPECT_LE(rig.metrics().gauges.at("taildir_open_files"), 4);
  rig.restart();
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST(TaildirSourceTest, FilesBeyondTheLimitAreLeftAlone) {
  TaildirRig rig(Options{{"maxFiles", "2"}});
  for (const char* const name : {"a.log", "b.log", "c.log"}) rig.append(name, "x\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 2U);
}

TEST(TaildirSourceTest, AMissingDirectoryIsFollowedOnceItExists) {
  TaildirRig rig;
  std::filesystem::remove(rig.logs());
  rig.start();
  EXPECT_EQ(rig.lines(), Lines{});
  std::filesystem::create_directory(rig.logs());
  rig.append("a.log", "one\n");
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
  std::filesystem::remove_all(rig.logs());
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST(TaildirSourceTest, SymbolicLinksAreFollowedAcrossTheRotationOfTheirTargets) {
  TaildirRig rig;
  const auto target = rig.dir().path() / "0.log";
  rig.dir().write("0.log", "one\n");
  std::filesystem::create_symlink(target, rig.logs() / "pod.log");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
  rig.advance(seconds(100));  // the directory of the link never changes
  EXPECT_EQ(rig.lines(), Lines{});
  std::filesystem::rename(target, rig.dir().path() / "0.log.1");
  rig.dir().write("0.log", "two\n");
  EXPECT_EQ(rig.lines(), (Lines{"two"}));
}

TEST(TaildirSourceTest, AFileThatIsNoFileIsNotTouched) {
  TaildirRig rig;
  ASSERT_EQ(::mkfifo(rig.log("pipe.log").c_str(), 0600), 0);
  std::filesystem::create_symlink("/nonexistent", rig.logs() / "dangling.log");
  rig.append("a.log", "one\n");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"one"}));
}

TEST(TaildirSourceTest, ContradictoryGroupsAreRefused) {
  test::FakeClock clock;
  test::RecordingReceiver receiver;
  const std::vector<Options> bad{
      {{"filegroups", "f1 f2"}, {"filegroups.f1", "/tmp/x"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "/tmp/x"}, {"filegroups.f2", "/tmp/x"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "relative/x"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "/tmp/"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "/tmp/(unclosed"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "/tmp/x"}, {"headers.f2.k", "v"}},
      {{"filegroups", "f1"}, {"filegroups.f1", "/tmp/x"}, {"headers.f1", "v"}},
  };
  for (const auto& options : bad) {
    const auto created = kTaildirSource.create(
        {.name = "r1", .clock = &clock}, Config::of(kTaildirSource.options, options), receiver);
    ASSERT_FALSE(created.has_value()) << testing::PrintToString(options);
    EXPECT_EQ(created.error().code, Errc::kBadConfig);
  }
}

}  // namespace
}  // namespace spillway::agent
