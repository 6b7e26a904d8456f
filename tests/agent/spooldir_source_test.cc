// Every file put into the directory becomes events, once per run and never none; what is wrong
// with one file is told and stops no other; a restart goes on where the channels had it.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/avro_file.h"
#include "agent/sources/spool_tracker.h"
#include "tests/support/spooldir_rig.h"

namespace spillway::agent {
namespace {

using test::SpooldirRig;
using Options = SpooldirRig::Options;
using Bodies = std::vector<std::string>;

std::string numbered_lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

TEST(SpooldirSourceTest, ReadsTheOldestFileFirstAndRenamesIt) {
  SpooldirRig rig;
  rig.put("b.log", "one\ntwo\r\n");
  rig.put("a.log", "three");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(3));
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two\r", "three"}));
  EXPECT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  EXPECT_TRUE(rig.exists("b.log.COMPLETED"));
  EXPECT_FALSE(rig.exists("a.log"));
  rig.put("later.log", "four\n");
  EXPECT_TRUE(rig.receiver().wait_for_events(4));
  rig.stop();
}

TEST(SpooldirSourceTest, ReadsTheYoungestFileFirst) {
  SpooldirRig rig(Options{{"consumeOrder", "youngest"}});
  rig.put("a.log", "old\n");
  rig.put("b.log", "young\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(2));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"young", "old"}));
}

TEST(SpooldirSourceTest, FilesOfOneAgeComeByName) {
  for (const char* const order : {"oldest", "youngest"}) {
    SpooldirRig rig(Options{{"consumeOrder", order}});
    const auto time = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    for (const char* const name : {"c", "a", "b"}) {
      rig.put(name, std::string(name) + "\n");
      std::filesystem::last_write_time(rig.dir().file(name), time);
    }
    rig.start();
    ASSERT_TRUE(rig.receiver().wait_for_events(3));
    rig.stop();
    EXPECT_EQ(rig.receiver().bodies(), (Bodies{"a", "b", "c"})) << order;
  }
}

TEST(SpooldirSourceTest, RandomOrderReadsThemAll) {
  SpooldirRig rig(Options{{"consumeOrder", "random"}});
  for (int i = 0; i < 20; ++i) rig.put("f" + std::to_string(i), std::to_string(i) + "\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(20));
  rig.stop();
  Bodies bodies = rig.receiver().bodies();
  std::sort(bodies.begin(), bodies.end());
  EXPECT_EQ(std::unique(bodies.begin(), bodies.end()), bodies.end());
}

TEST(SpooldirSourceTest, PatternsSelectWholeNamesAndIgnoringWins) {
  SpooldirRig rig(Options{{"includePattern", R"(.*\.log)"}, {"ignorePattern", "secret.*"}});
  rig.put("secret.log", "no\n");
  rig.put("a.log.bak", "no\n");
  rig.put(".hidden.log", "no\n");
  rig.put("done.log.COMPLETED", "no\n");
  rig.put("a.log", "yes\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"yes"}));
}

TEST(SpooldirSourceTest, GoesIntoFoldersOnlyWhenAsked) {
  for (const bool is_recursive : {false, true}) {
    SpooldirRig rig(Options{{"recursiveDirectorySearch", is_recursive ? "true" : "false"},
                            {"ignorePattern", "skipped"},
                            {"trackerDir", "state"}});
    rig.put("sub/deeper/b.log", "below\n");
    rig.put("skipped/c.log", "no\n");
    rig.put(".hidden/d.log", "no\n");
    rig.put("state/e.log", "no\n");
    rig.put("z.log", "top\n");
    rig.start();
    ASSERT_TRUE(rig.wait_for_file("z.log.COMPLETED"));
    rig.stop();
    EXPECT_EQ(rig.receiver().bodies(), is_recursive ? (Bodies{"below", "top"}) : (Bodies{"top"}));
    EXPECT_EQ(rig.exists("sub/deeper/b.log.COMPLETED"), is_recursive);
  }
}

TEST(SpooldirSourceTest, DeletesFinishedFilesWhenAsked) {
  SpooldirRig rig(Options{{"deletePolicy", "immediate"}});
  rig.put("a.log", "one\n");
  rig.start();
  ASSERT_TRUE(test::eventually([&] { return !rig.exists("a.log"); }));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one"}));
  EXPECT_FALSE(rig.exists("a.log.COMPLETED"));
}

TEST(SpooldirSourceTest, MarksFinishedFilesInTheTrackerDirectoryWhenAsked) {
  SpooldirRig rig(Options{{"trackingPolicy", "tracker_dir"}, {"recursiveDirectorySearch", "true"}});
  rig.put("sub/a.log", "one\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file(".flumespool/sub/a.log.COMPLETED"));
  rig.stop();
  EXPECT_TRUE(rig.exists("sub/a.log"));
  rig.put("b.log", "two\n");
  rig.restart();
  ASSERT_TRUE(rig.receiver().wait_for_events(2));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two"}));
}

TEST(SpooldirSourceTest, AddsTheHeadersThatAreAskedFor) {
  SpooldirRig rig(Options{{"fileHeader", "true"},
                          {"basenameHeader", "true"},
                          {"basenameHeaderKey", "name"},
                          {"fileHeaderKey", "path"}});
  rig.put("a.log", "one\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(1));
  rig.stop();
  const auto headers = rig.receiver().events().front().headers;
  EXPECT_EQ(headers, (std::map<std::string, std::string>{{"name", "a.log"},
                                                         {"path", rig.dir().file("a.log")}}));
}

TEST(SpooldirSourceTest, AnEmptyFileIsOneEmptyEventAsInFlume) {
  SpooldirRig rig;
  rig.put("empty", "");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("empty.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{""}));
}

TEST(SpooldirSourceTest, BatchesAreOfOneFileAndNoLargerThanAsked) {
  SpooldirRig rig(Options{{"batchSize", "4"}});
  rig.put("a", numbered_lines(10));
  rig.put("b", numbered_lines(3));
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(13));
  rig.stop();
  EXPECT_EQ(rig.receiver().batch_sizes(), (std::vector<std::size_t>{4, 4, 2, 3}));
}

TEST(SpooldirSourceTest, OffersABatchUntilTheChannelsTakeIt) {
  SpooldirRig rig(Options{{"maxBackoff", "1"}});
  rig.receiver().fail_next(3);
  rig.put("a", "one\ntwo\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("a.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two"}));
  EXPECT_EQ(rig.source().counters().channel_write_failures.value(), 3U);
  EXPECT_EQ(rig.source().counters().events_received.value(), 2U);
}

TEST(SpooldirSourceTest, AnEventNoChannelCanHoldIsDroppedAloneAndCounted) {
  struct Picky final : EventReceiver {
    Result<void> receive(const channel::EventBatch& batch) override {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (batch[i].body().size() > 100) return Error{.code = Errc::kTooLarge, .what = "large"};
      }
      return next.receive(batch);
    }
    test::RecordingReceiver next;
  };
  test::TempDir dir;
  dir.write("a", "one\n" + std::string(200, 'x') + "\ntwo\n");
  SystemClock clock;
  Picky receiver;
  const auto source = std::move(
      kSpooldirSource
          .create({.name = "r1", .clock = &clock},
                  Config::of(kSpooldirSource.options, {{"spoolDir", dir.path().string()}}),
                  receiver)
          .value());
  ASSERT_TRUE(source->start().has_value());
  ASSERT_TRUE(receiver.next.wait_for_events(2));
  ASSERT_TRUE(test::eventually([&] { return std::filesystem::exists(dir.file("a.COMPLETED")); }));
  source->stop();
  EXPECT_EQ(receiver.next.bodies(), (Bodies{"one", "two"}));
  EXPECT_EQ(test::RecordedMetrics(*source).counters["spooldir_dropped_events_total"], 1U);
}

TEST(SpooldirSourceTest, ARestartGoesOnWhereTheChannelsHadIt) {
  SpooldirRig rig(Options{{"batchSize", "10"}, {"maxBackoff", "1"}});
  rig.put("a", numbered_lines(35));
  rig.receiver().fail_always();
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_attempts(2));
  rig.receiver().recover();
  ASSERT_TRUE(rig.receiver().wait_for_events(10));
  rig.receiver().fail_always();
  rig.stop();
  const std::size_t before = rig.receiver().events().size();
  rig.receiver().recover();
  rig.restart();
  ASSERT_TRUE(rig.wait_for_file("a.COMPLETED"));
  rig.stop();
  EXPECT_GE(before, 10U);
  EXPECT_EQ(rig.receiver().events().size(), 35U);
  EXPECT_EQ(rig.receiver().bodies().back(), "line 34");
  EXPECT_FALSE(rig.exists(rig.tracker()));
}

TEST(SpooldirSourceTest, AFileOfFlumesIsGoneOnWithFirst) {
  SpooldirRig rig;
  rig.put("older", "x\n");
  rig.put("b.log", "one\ntwo\nthree\n");
  // As Flume writes it: no metadata of ours, two records.
  const AvroMarker marker{'0', '1', '2', '3', '4', '5', '6', '7',
                          '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string tracker;
  append_avro_header({{"avro.schema", R"({"type":"record","name":"TransferStateFileMeta"})"},
                      {"file", rig.dir().file("b.log")}},
                     marker, tracker);
  append_avro_block(1, "\x04", marker, tracker);
  append_avro_block(1, "\x08", marker, tracker);
  std::filesystem::create_directory(rig.dir().path() / ".flumespool");
  rig.dir().write(rig.tracker(), tracker);
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(3));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"two", "three", "x"}));
}

TEST(SpooldirSourceTest, AnotherFileUnderTheSameNameIsReadFromItsBeginning) {
  SpooldirRig rig(Options{{"batchSize", "10"}});
  rig.put("a", numbered_lines(35));
  std::filesystem::create_directory(rig.dir().path() / ".flumespool");
  SpoolTracker tracker(rig.dir().file(rig.tracker()));
  ASSERT_TRUE(
      tracker.begin({.path = rig.dir().file("a"), .inode = 1, .size_bytes = 5}, 14).has_value());
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(35));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies().front(), "line 0");
}

TEST(SpooldirSourceTest, ADamagedTrackerStopsNothing) {
  for (const std::string_view bytes : {"", "Obj", "garbage"}) {
    SpooldirRig rig;
    rig.put("a", "one\n");
    std::filesystem::create_directory(rig.dir().path() / ".flumespool");
    rig.dir().write(rig.tracker(), bytes);
    rig.start();
    EXPECT_TRUE(rig.wait_for_file("a.COMPLETED")) << bytes;
    rig.stop();
    EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one"}));
  }
}

TEST(SpooldirSourceTest, AFileThatChangesMeanwhileIsSetAsideAndTheOthersAreRead) {
  SpooldirRig rig(Options{{"batchSize", "2"}, {"maxBackoff", "1"}});
  rig.put("a", numbered_lines(4));
  rig.put("b", "other\n");
  rig.receiver().fail_always();
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_attempts(1));
  std::ofstream(rig.dir().file("a"), std::ios::app) << "more\n";
  rig.receiver().recover();
  ASSERT_TRUE(rig.wait_for_file("b.COMPLETED"));
  EXPECT_EQ(rig.metrics().counters["spooldir_set_aside_total"], 1U);
  EXPECT_EQ(rig.metrics().gauges["spooldir_files_set_aside"], 1);
  rig.stop();
  EXPECT_TRUE(rig.exists("a"));
  EXPECT_NE(rig.dir().read(".flumespool/.spillway-set-aside.json").find(rig.dir().file("a")),
            std::string::npos);
  // A restart does not read it again, another file in its place is read.
  const std::size_t events = rig.receiver().events().size();
  rig.restart();
  rig.put("c", "last\n");
  ASSERT_TRUE(rig.receiver().wait_for_events(events + 1));
  EXPECT_EQ(rig.receiver().bodies().back(), "last");
  rig.put("a", "new\n");
  ASSERT_TRUE(rig.receiver().wait_for_events(events + 2));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies().back(), "new");
}

TEST(SpooldirSourceTest, ANameThatIsTakenSetsTheFileAside) {
  SpooldirRig rig;
  rig.put("a.COMPLETED", "finished before\n");
  rig.put("a", "one\n");
  rig.put("b", "two\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("b.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.dir().read("a.COMPLETED"), "finished before\n");
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two"}));
  EXPECT_EQ(rig.metrics().counters["spooldir_set_aside_total"], 1U);
}

TEST(SpooldirSourceTest, BytesThatAreNoTextEndAFileOnlyUnderPolicyFail) {
  const std::string text =
      "good\nb\xFF"
      "d\nafter\n";
  const std::map<std::string, Bodies> expected{{"FAIL", {"good", "next"}},
                                               {"REPLACE",
                                                {"good",
                                                 "b\xEF\xBF\xBD"
                                                 "d",
                                                 "after", "next"}},
                                               {"IGNORE", {"good", "bd", "after", "next"}}};
  for (const auto& [policy, bodies] : expected) {
    SpooldirRig rig(Options{{"decodeErrorPolicy", policy}});
    rig.put("a", text);
    rig.put("b", "next\n");
    rig.start();
    ASSERT_TRUE(rig.wait_for_file("b.COMPLETED")) << policy;
    rig.stop();
    EXPECT_EQ(rig.receiver().bodies(), bodies) << policy;
    EXPECT_EQ(rig.exists("a.COMPLETED"), policy != "FAIL");
  }
}

TEST(SpooldirSourceTest, AFileThatCannotBeOpenedStopsNoOther) {
  if (::geteuid() == 0) GTEST_SKIP() << "needs a user whom permissions stop, not root";
  SpooldirRig rig;
  rig.put("a", "one\n");
  rig.put("b", "two\n");
  ASSERT_EQ(::chmod(rig.dir().file("a").c_str(), 0), 0);
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("b.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"two"}));
  EXPECT_EQ(rig.metrics().counters["spooldir_read_failures_total"], 1U);
}

TEST(SpooldirSourceTest, OnlyRegularFilesAreFiles) {
  SpooldirRig rig;
  ASSERT_EQ(::mkfifo(rig.dir().file("fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/nonexistent", rig.dir().path() / "dangling");
  rig.put("a", "one\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("a.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one"}));
}

TEST(SpooldirSourceTest, WhatIsNoDirectoryFailsTheStart) {
  SpooldirRig rig(Options{{"spoolDir", "/nonexistent/spool"}});
  EXPECT_FALSE(rig.source().start().has_value());
}

TEST(SpooldirSourceTest, BadOptionsAreRefused) {
  SystemClock clock;
  test::RecordingReceiver receiver;
  const auto refused = [&](const char* key, const char* value) {
    return !kSpooldirSource
                .create({.name = "r1", .clock = &clock},
                        Config::of(kSpooldirSource.options, {{"spoolDir", "/tmp"}, {key, value}}),
                        receiver)
                .has_value();
  };
  EXPECT_TRUE(refused("includePattern", "("));
  EXPECT_TRUE(refused("ignorePattern", "["));
  EXPECT_FALSE(refused("includePattern", ".*"));
}

TEST(SpooldirSourceTest, TheOldNameOfTheLineLimitStillWorks) {
  SpooldirRig rig(Options{{"bufferMaxLineLength", "3"}});
  rig.put("a", "abcdef\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(2));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"abc", "def"}));
  EXPECT_EQ(rig.metrics().counters["spooldir_cut_events_total"], 1U);
}

TEST(SpooldirSourceTest, AWholeFileIsOneEventForTheBlobDeserializer) {
  SpooldirRig rig(
      {{"deserializer", "org.apache.flume.sink.solr.morphline.BlobDeserializer$Builder"},
       {"deserializer.maxBlobLength", "8"}});
  rig.put("a", std::string_view("\0\n\xFF", 3));
  rig.put("b", "0123456789");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_events(3));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{std::string("\0\n\xFF", 3), "01234567", "89"}));
}

}  // namespace
}  // namespace spillway::agent
