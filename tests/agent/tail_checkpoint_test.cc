// Position file and bookmark of a taildir source are one checkpoint: which of them holds, and what
// becomes of a put that nobody knows to be in the channel. taildir_model_test.cc does it at random.
#include "agent/sources/tail_checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/taildir_rig.h"

namespace spillway::agent {
namespace {

using Lines = std::vector<std::string>;
using test::TaildirRig;
using Options = TaildirRig::Options;

class TailCheckpointTest : public testing::Test {
 protected:
  TailCheckpointTest() { rig.receiver().keep_bookmarks(); }

  void poll_once() { ASSERT_TRUE(rig.source().poll().has_value()); }

  TaildirRig rig{Options{{"batchSize", "2"}}};
};

TEST_F(TailCheckpointTest, CrashRepeatsNothingAndLosesNothing) {
  rig.append("a.log", "1\n2\n3\n4\n5\n6\n");
  rig.start();
  poll_once();
  rig.crash();
  poll_once();
  rig.crash();
  rig.crash();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3", "4", "5", "6"}));
  rig.crash();
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST_F(TailCheckpointTest, FilesThatWereReadBeforeAnEarlierCrashAreNotForgotten) {
  rig.append("a.log", "a1\na2\n");
  rig.append("b.log", "b1\nb2\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 4U);
  rig.crash();
  rig.append("a.log", "a3\n");
  EXPECT_EQ(rig.lines(), (Lines{"a3"}));
  rig.crash();
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST_F(TailCheckpointTest, ADeletedPositionFileMeansFromTheBeginning) {
  rig.append("a.log", "1\n2\n");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2"}));
  std::filesystem::remove(rig.position_path());
  rig.crash();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2"}));
}

TEST_F(TailCheckpointTest, AChangedPositionFileHolds) {
  rig.append("a.log", "1\n2\n3\n");
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3"}));
  rig.source().stop();
  auto positions = load_tail_positions(rig.position_path());
  ASSERT_TRUE(positions.has_value());
  positions.value().positions.at(0).offset_bytes = 2;
  ASSERT_TRUE(save_tail_positions(rig.position_path(), positions.value().positions).has_value());
  rig.crash();
  EXPECT_EQ(rig.lines(), (Lines{"2", "3"}));
}

TEST_F(TailCheckpointTest, APutThatFailedAndIsInTheChannelIsNotRepeated) {
  rig.append("a.log", "1\n2\n3\n");
  rig.start();
  rig.receiver().fail_after_next(1);
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3"}));
  rig.crash();
  EXPECT_EQ(rig.lines(), Lines{});
}

TEST_F(TailCheckpointTest, APutThatNobodyKnowsOfWaitsUntilSomebodyDoes) {
  rig.append("a.log", "1\n2\n3\n");
  rig.start();
  for (const bool is_there : {true, false}) {
    if (is_there) rig.receiver().fail_after_next(1);
    if (!is_there) rig.receiver().fail_next(1, {.code = Errc::kIo, .what = "device failed"});
    rig.receiver().set_bookmark_error(Error{.code = Errc::kClosed, .what = "not started"});
    const std::size_t attempts = rig.receiver().attempts();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(rig.source().poll().error().code, Errc::kClosed);
    EXPECT_EQ(rig.receiver().attempts(), attempts + 1) << "nothing is put meanwhile";
    rig.receiver().set_bookmark_error(std::nullopt);
    static_cast<void>(rig.source().poll());
  }
  EXPECT_EQ(rig.lines(), (Lines{"1", "2", "3"}));
}

TEST_F(TailCheckpointTest, AStopWithAPutInDoubtLeavesItToTheBookmark) {
  rig.append("a.log", "1\n2\n");
  rig.start();
  rig.receiver().fail_after_next(1);
  rig.receiver().set_bookmark_error(Error{.code = Errc::kClosed, .what = "not started"});
  EXPECT_FALSE(rig.source().poll().has_value());
  rig.source().stop();
  rig.receiver().set_bookmark_error(std::nullopt);
  rig.crash();
  EXPECT_EQ(rig.lines(), (Lines{"1", "2"}));
}

TEST_F(TailCheckpointTest, APositionFileThatCannotBeWrittenIsNotTriedWithEachBatch) {
  std::filesystem::create_directory(rig.position_path() + ".heads");  // no file can take its name
  for (int i = 0; i < 50; ++i) rig.append("a.log", "line\n");
  rig.start();
  EXPECT_EQ(rig.lines().size(), 50U);
  EXPECT_EQ(rig.metrics().counters.at("taildir_position_failures_total"), 1U);
  rig.crash();
  EXPECT_EQ(rig.lines(), Lines{}) << "the bookmark alone is enough";
}

TEST_F(TailCheckpointTest, StartWaitsForTheChannelToAnswer) {
  rig.append("a.log", "1\n");
  rig.receiver().set_bookmark_error(Error{.code = Errc::kClosed, .what = "not started"});
  EXPECT_EQ(rig.source().start().error().code, Errc::kClosed);
  rig.receiver().set_bookmark_error(std::nullopt);
  rig.start();
  EXPECT_EQ(rig.lines(), (Lines{"1"}));
}

TEST(TailCheckpointLimitsTest, MoreFilesThanABookmarkCanNameAreReadOnce) {
  TaildirRig rig(Options{{"batchSize", "1000"}});
  rig.receiver().keep_bookmarks();
  constexpr std::size_t kFiles = 2 * TailCheckpoint::kFilesMax + 10;
  for (std::size_t i = 0; i < kFiles; ++i) rig.append(std::to_string(i) + ".log", "line\n");
  rig.start();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(rig.source().poll().has_value());
    rig.crash();
  }
  EXPECT_EQ(rig.lines().size(), kFiles);
}

TEST(TailBookmarkTest, IsReadBack) {
  const TailBookmark bookmark{
      .positions_hash = 0xFEDCBA9876543210,
      .positions = {{.inode = 7, .offset_bytes = 9, .path = {}, .head = {1024, UINT64_MAX}},
                    {.inode = UINT64_MAX, .offset_bytes = UINT64_MAX, .path = {}, .head = {}}}};
  const std::string text = format_tail_bookmark(bookmark);
  const auto read = parse_tail_bookmark(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->positions_hash, bookmark.positions_hash);
  EXPECT_EQ(read->positions, bookmark.positions);
}

TEST(TailBookmarkTest, OfSomebodyElseIsNone) {
  for (const std::string_view text :
       {"", "tail1", "tail2 5", "spool1 5", "tail1 x", "tail1 5\n", "tail1 5\n1 2 3", "tail1 5 6",
        "tail1 5\n1 2 1025 4", "tail1 5\n1 2 3 4 5"}) {
    EXPECT_FALSE(parse_tail_bookmark(text).has_value()) << text;
  }
}

TEST(TailBookmarkTest, FullestFitsItsLimit) {
  TailBookmark bookmark{.positions_hash = UINT64_MAX, .positions = {}};
  bookmark.positions.resize(TailCheckpoint::kFilesMax, {.inode = UINT64_MAX,
                                                        .offset_bytes = UINT64_MAX,
                                                        .path = {},
                                                        .head = {TailHead::kBytesMax, UINT64_MAX}});
  EXPECT_LE(format_tail_bookmark(bookmark).size(), wal::kBookmarkValueBytesMax);
}

TEST(TailBookmarkTest, PositionsOfOneInodeOnTwoDisksAreBothKept) {
  const TailPosition one{.inode = 5, .offset_bytes = 10, .path = "/a", .head = {3, 1}};
  const TailPosition two{.inode = 5, .offset_bytes = 20, .path = "/b", .head = {3, 2}};
  std::vector<TailPosition> positions{one, two};
  apply_tail_bookmark({.positions_hash = 1,
                       .positions = {{.inode = 5, .offset_bytes = 30, .path = {}, .head = {3, 2}}}},
                      positions);
  ASSERT_EQ(positions.size(), 3U);
  EXPECT_EQ(positions.front().offset_bytes, 30U) << "looked at first";
}

}  // namespace
}  // namespace spillway::agent
