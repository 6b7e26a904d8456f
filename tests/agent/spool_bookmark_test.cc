// Tracker and bookmark of a spooldir source are one checkpoint: a kill behind any put repeats
// nothing and loses nothing.
#include "agent/sources/spool_bookmark.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "agent/avro_file.h"
#include "tests/support/spooldir_rig.h"

namespace spillway::agent {
namespace {

using test::SpooldirRig;
using Options = SpooldirRig::Options;
using Bodies = std::vector<std::string>;

void expect_each_once(SpooldirRig& rig, const std::string& name, const Bodies& expected,
                      std::size_t puts_before_kill) {
  rig.receiver().keep_bookmarks();
  rig.receiver().kill_after(puts_before_kill);
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_attempts(puts_before_kill));
  rig.stop();
  rig.receiver().set_bookmark_error(std::nullopt);
  rig.restart();
  ASSERT_TRUE(rig.wait_for_file(name + ".COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), expected) << puts_before_kill;
}

TEST(SpooldirBookmarkTest, AKillBehindAnyPutRepeatsNothing) {
  for (const std::size_t puts : {1U, 2U, 3U}) {
    SpooldirRig rig(Options{{"batchSize", "3"}});
    rig.put("a.log", "0\n1\n2\n3\n4\n5\n6\n");
    expect_each_once(rig, "a.log", {"0", "1", "2", "3", "4", "5", "6"}, puts);
  }
}

TEST(SpooldirBookmarkTest, AnEmptyFileIsOneEvent) {
  SpooldirRig rig;
  rig.put("a.log", "");
  expect_each_once(rig, "a.log", {""}, 1);
}

TEST(SpooldirBookmarkTest, ValuesInsideABlockOfAnAvroFileAreNotRepeated) {
  constexpr AvroMarker kMarker{'m'};
  std::string file;
  append_avro_header({{"avro.schema", R"("int")"}, {"avro.codec", "null"}}, kMarker, file);
  append_avro_block(5, "\x02\x04\x06\x08\x0a", kMarker, file);
  append_avro_block(2, "\x0c\x0e", kMarker, file);
  for (const std::size_t puts : {1U, 2U, 3U, 4U}) {
    SpooldirRig rig(Options{{"batchSize", "2"}, {"deserializer", "avro"}});
    rig.put("a.avro", file);
    expect_each_once(rig, "a.avro", {"\x02", "\x04", "\x06", "\x08", "\x0a", "\x0c", "\x0e"}, puts);
  }
}

TEST(SpooldirBookmarkTest, AFileThatIsPutBackIsReadAgain) {
  SpooldirRig rig;
  rig.receiver().keep_bookmarks();
  rig.put("a.log", "one\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  std::filesystem::rename(rig.dir().file("a.log.COMPLETED"), rig.dir().file("a.log"));
  rig.restart();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "one"}));
}

TEST(SpooldirBookmarkTest, WithoutItsTrackerAFileIsReadFromTheBeginning) {
  SpooldirRig rig(Options{{"batchSize", "1"}});
  rig.receiver().keep_bookmarks();
  rig.receiver().kill_after(1);
  rig.put("a.log", "one\ntwo\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_attempts(1));
  rig.stop();
  rig.receiver().set_bookmark_error(std::nullopt);
  std::filesystem::remove(rig.dir().file(rig.tracker()));
  rig.restart();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "one", "two"}));
}

TEST(SpooldirBookmarkTest, WhatIsAppendedBeforeTheRestartIsRead) {
  SpooldirRig rig;
  rig.receiver().keep_bookmarks();
  rig.receiver().kill_after(1);
  rig.put("a.log", "one\n");
  rig.start();
  ASSERT_TRUE(rig.receiver().wait_for_attempts(1));
  rig.stop();
  rig.receiver().set_bookmark_error(std::nullopt);
  std::ofstream(rig.dir().file("a.log"), std::ios::app) << "two\n";
  rig.restart();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two"}));
}

TEST(SpooldirBookmarkTest, APutThatFailedAndIsInTheChannelIsNotRepeated) {
  SpooldirRig rig(Options{{"batchSize", "1"}, {"maxBackoff", "1"}});
  rig.receiver().keep_bookmarks();
  rig.receiver().fail_after_next(1);
  rig.put("a.log", "one\ntwo\n");
  rig.start();
  ASSERT_TRUE(rig.wait_for_file("a.log.COMPLETED"));
  rig.stop();
  EXPECT_EQ(rig.receiver().bodies(), (Bodies{"one", "two"}));
}

TEST(SpoolBookmarkTest, IsReadBackAndNothingElseIs) {
  const SpoolBookmark bookmark{
      .identity = {.path = {}, .inode = UINT64_MAX, .size_bytes = 99, .modified_ns = INT64_MIN},
      .offset_bytes = 98,
      .skipped_events = 7,
      .is_at_end = true};
  const std::string text = format_spool_bookmark(bookmark);
  EXPECT_EQ(parse_spool_bookmark(text), bookmark);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_spool_bookmark(text.substr(0, size))) << size;
  }
  for (const std::string_view other :
       {"tail1 1 2 3 1 0 0", "spool1 1 2 3 1 0 2", "spool1 1 2 3 3 0 0", "spool1 1 2 3 1 0 0 0"}) {
    EXPECT_FALSE(parse_spool_bookmark(other)) << other;
  }
}

}  // namespace
}  // namespace spillway::agent
