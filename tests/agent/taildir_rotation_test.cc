// No line of a followed file is lost or delivered twice when the file is rotated, truncated,
// replaced or deleted, while the source runs or while it is down; a crash repeats lines only.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "agent/sources/tail_positions.h"
#include "tests/support/taildir_rig.h"

namespace spillway::agent {
namespace {

using std::chrono::seconds;
using Lines = std::vector<std::string>;
using test::TaildirRig;
using Options = TaildirRig::Options;

std::uint64_t inode_of(const std::string& path) {
  struct stat status {};
  CHECK(::stat(path.c_str(), &status) == 0);
  return status.st_ino;
}

struct TaildirRotationTest : testing::Test {
  void make(Options options = {}) { rig = std::make_unique<TaildirRig>(std::move(options)); }
  std::unique_ptr<TaildirRig> rig = std::make_unique<TaildirRig>();
};

// ---- while the source runs ----

// A rotation may fall between any two system calls of a look: what was written to the old file
// still comes before what the new one holds.
TEST_F(TaildirRotationTest, OrderHoldsHoweverTheRotationMeetsTheLook) {
  constexpr int kRotations = 300;
  constexpr int kLinesPerFile = 3;
  std::atomic<int> delivered{0};
  rig->start();
  std::thread writer([&] {
    for (int file = 0; file < kRotations; ++file) {
      const int first = file * kLinesPerFile;
      std::ofstream out(rig->log("app.log"), std::ios::binary);
      out << first << '\n' << std::flush;
      // Files that are found together, and changed in one tick of the clock, have no order.
      while (delivered.load() <= first) std::this_thread::yield();
      for (int line = 1; line < kLinesPerFile; ++line) out << first + line << '\n' << std::flush;
      std::filesystem::rename(rig->log("app.log"),
                              rig->log("old." + std::to_string(file) + ".log"));
    }
  });
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  Lines got;
  while (got.size() < kRotations * kLinesPerFile && std::chrono::steady_clock::now() < deadline) {
    for (std::string& line : rig->lines()) got.push_back(std::move(line));
    delivered.store(static_cast<int>(got.size()));
  }
  delivered.store(INT_MAX);
  writer.join();
  ASSERT_EQ(got.size(), std::size_t{kRotations * kLinesPerFile});
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], std::to_string(i));
}

TEST_F(TaildirRotationTest, RenameInsideThePatternKeepsThePosition) {
  rig->start();
  rig->append("app.log", "1\n2\n");
  EXPECT_EQ(rig->lines(), (Lines{"1", "2"}));
  rig->append("app.log", "3\n");
  rig->rename("app.log", "app.1.log");
  rig->append("app.1.log", "4\n");  // its writer has not noticed yet
  rig->append("app.log", "5\n");
  EXPECT_EQ(rig->lines(), (Lines{"3", "4", "5"}));
  rig->append("app.1.log", "6\n");
  EXPECT_EQ(rig->lines(), (Lines{"6"}));
}

TEST_F(TaildirRotationTest, ChainOfRenamesKeepsEveryPosition) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  for (int round = 0; round < 4; ++round) {
    for (int i = round; i > 0; --i) {
      rig->rename("app." + std::to_string(i) + ".log", "app." + std::to_string(i + 1) + ".log");
    }
    rig->append("app.log", "last " + std::to_string(round) + "\n");
    rig->rename("app.log", "app.1.log");
    rig->append("app.log", "first " + std::to_string(round) + "\n");
    EXPECT_EQ(rig->lines(),
              (Lines{"last " + std::to_string(round), "first " + std::to_string(round)}));
  }
}

TEST_F(TaildirRotationTest, RenameOutOfThePatternIsReadToItsEnd) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->append("app.log", "2\n");
  rig->rename("app.log", "app.log.1");
  rig->append("app.log", "4\n");
  EXPECT_EQ(rig->lines(), (Lines{"2", "4"}));
  rig->append("app.log.1", "3\n");  // its writer is late
  EXPECT_EQ(rig->lines(), (Lines{"3"}));
}

TEST_F(TaildirRotationTest, RenamedOutFileIsClosedAfterTheIdleTimeoutWithItsLastLine) {
  rig->start();
  rig->append("app.log", "1\nhalf");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->rename("app.log", "app.log.1");
  EXPECT_EQ(rig->lines(), Lines{});
  rig->advance(seconds(121));
  EXPECT_EQ(rig->lines(), (Lines{"half"}));
  EXPECT_EQ(rig->metrics().gauges.at("taildir_open_files"), 0);
  EXPECT_EQ(rig->metrics().gauges.at("taildir_files"), 0);
}

TEST_F(TaildirRotationTest, DeletedFileIsReadToItsEnd) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->append("app.log", "2\n");
  rig->remove("app.log");
  rig->append("app.log", "3\n");
  EXPECT_EQ(rig->lines(), (Lines{"2", "3"}));
}

TEST_F(TaildirRotationTest, ClosedFileThatLeavesThePatternIsFoundByItsInode) {
  make(Options{{"maxOpenFiles", "4"}});
  rig->start();
  for (int i = 0; i < 20; ++i) rig->append(std::to_string(i) + ".log", "x\n");
  EXPECT_EQ(rig->lines().size(), 20U);
  Lines expected;
  for (int i = 0; i < 20; ++i) {
    const std::string name = std::to_string(i) + ".log";
    rig->append(name, "late " + name + "\n");
    rig->rename(name, name + ".1");
    expected.push_back("late " + name);
  }
  Lines got = rig->lines();
  std::sort(got.begin(), got.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(got, expected);
}

TEST_F(TaildirRotationTest, CopyTruncateGoesOnAtTheBeginning) {
  rig->start();
  rig->append("app.log", "1\n2\n");
  EXPECT_EQ(rig->lines(), (Lines{"1", "2"}));
  std::filesystem::copy_file(rig->log("app.log"), rig->log("app.log.1"));
  rig->rewrite("app.log", "");
  EXPECT_EQ(rig->lines(), Lines{});
  rig->append("app.log", "3\n");
  EXPECT_EQ(rig->lines(), (Lines{"3"}));
  EXPECT_EQ(rig->metrics().counters.at("taildir_restarts_total"), 1U);
}

TEST_F(TaildirRotationTest, ContentsReplacedBetweenTwoLooksAreReadFromTheBeginning) {
  rig->start();
  rig->append("app.log", "old 1\nold 2\n");
  EXPECT_EQ(rig->lines().size(), 2U);
  rig->rewrite("app.log", "new 1\nnew 2\nnew 3\n");  // longer: its size tells nothing
  EXPECT_EQ(rig->lines(), (Lines{"new 1", "new 2", "new 3"}));
}

TEST_F(TaildirRotationTest, ContentsOfTheSameSizeAreReadFromTheBeginning) {
  rig->start();
  rig->append("app.log", "old\n");
  EXPECT_EQ(rig->lines(), (Lines{"old"}));
  rig->rewrite("app.log", "new\n");
  struct stat status {};
  ASSERT_EQ(::stat(rig->log("app.log").c_str(), &status), 0);
  // Two writes within one tick of the kernel's clock look alike; nothing can tell them apart.
  std::filesystem::last_write_time(rig->log("app.log"),
                                   std::filesystem::file_time_type::clock::now() + seconds(1));
  EXPECT_EQ(rig->lines(), (Lines{"new"}));
}

TEST_F(TaildirRotationTest, AFileThatLeavesAndComesBackIsNotReadTwice) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->rename("app.log", "app.tmp");
  EXPECT_EQ(rig->lines(), Lines{});
  rig->rename("app.tmp", "app.log");
  rig->append("app.log", "2\n");
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
}

TEST_F(TaildirRotationTest, AFileThatMovesToAnotherGroupIsNotReadTwice) {
  const test::TempDir other;
  make(Options{{"filegroups", "f1 f2"}, {"filegroups.f2", other.path().string() + "/.*"}});
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  std::filesystem::rename(rig->log("app.log"), other.file("archived"));
  rig->append("app.log", "2\n");
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
}

TEST_F(TaildirRotationTest, HardLinksAreOneFile) {
  rig->start();
  rig->append("app.log", "1\n");
  std::filesystem::create_hard_link(rig->log("app.log"), rig->log("link.log"));
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->append("link.log", "2\n");
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
  rig->remove("app.log");
  rig->append("link.log", "3\n");
  EXPECT_EQ(rig->lines(), (Lines{"3"}));
}

// ---- across a restart ----

TEST_F(TaildirRotationTest, RestartGoesOnWhereItStopped) {
  rig->start();
  rig->append("app.log", "1\n2\n");
  EXPECT_EQ(rig->lines().size(), 2U);
  rig->source().stop();
  rig->append("app.log", "3\n");
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"3"}));
}

TEST_F(TaildirRotationTest, RenameInsideThePatternWhileDownKeepsThePosition) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->source().stop();
  rig->append("app.log", "2\n");
  rig->rename("app.log", "app.1.log");
  rig->append("app.log", "3\n");
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"2", "3"}));
}

TEST_F(TaildirRotationTest, RenameOutOfThePatternWhileDownIsReadToItsEnd) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->source().stop();
  rig->append("app.log", "2\n");
  rig->rename("app.log", "app.log.1");
  rig->append("app.log", "3\n");
  rig->crash();
  Lines got = rig->lines();
  EXPECT_EQ(got, (Lines{"2", "3"}));
}

TEST_F(TaildirRotationTest, ReusedInodeWhileDownIsReadFromTheBeginning) {
  rig->start();
  rig->append("app.log", "first file\n");
  EXPECT_EQ(rig->lines().size(), 1U);
  rig->source().stop();
  const std::uint64_t inode = inode_of(rig->log("app.log"));
  rig->rewrite("app.log", "another file, and longer\n");  // as if its inode were reused
  ASSERT_EQ(inode_of(rig->log("app.log")), inode);
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"another file, and longer"}));
}

TEST_F(TaildirRotationTest, TruncationWhileDownIsReadFromTheBeginning) {
  rig->start();
  rig->append("app.log", "1\n2\n3\n");
  EXPECT_EQ(rig->lines().size(), 3U);
  rig->source().stop();
  rig->rewrite("app.log", "4\n");
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"4"}));
}

TEST_F(TaildirRotationTest, ACrashRepeatsLinesSinceTheLastSaveAndLosesNone) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->advance(seconds(4));
  EXPECT_EQ(rig->lines(), Lines{});  // saves
  rig->append("app.log", "2\n");
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
  rig->append("app.log", "3\n");
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"2", "3"}));
}

TEST_F(TaildirRotationTest, ADirectoryOutOfSightAtTheStartKeepsItsPositions) {
  rig->start();
  rig->append("app.log", "1\n");
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  rig->source().stop();
  const auto away = rig->dir().path() / "away";
  std::filesystem::rename(rig->logs(), away);  // not mounted yet
  rig->crash();
  EXPECT_EQ(rig->lines(), Lines{});
  rig->advance(seconds(60));
  EXPECT_EQ(rig->lines(), Lines{});
  rig->restart();
  EXPECT_EQ(rig->lines(), Lines{});
  std::filesystem::rename(away, rig->logs());
  rig->append("app.log", "2\n");
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
}

// ---- Flume's position file ----

TEST_F(TaildirRotationTest, FlumesPositionIsTakenOver) {
  rig->append("app.log", "1\n2\n");
  rig->dir().write("positions.json",
                   "[{\"inode\":" + std::to_string(inode_of(rig->log("app.log"))) +
                       ",\"pos\":2,\"file\":\"" + rig->log("app.log") + "\"}]");
  rig->start();
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
}

TEST_F(TaildirRotationTest, FlumesPositionOfARenamedFileIsTakenOverOnlyBehindALine) {
  rig->append("app.1.log", "1\n2\n");
  const std::string inode = std::to_string(inode_of(rig->log("app.1.log")));
  const std::string entry = ",\"file\":\"" + rig->log("app.log") + "\"}]";
  rig->dir().write("positions.json", "[{\"inode\":" + inode + ",\"pos\":2" + entry);
  rig->start();
  EXPECT_EQ(rig->lines(), (Lines{"2"}));
  std::filesystem::remove(rig->position_path() + ".heads");
  rig->dir().write("positions.json", "[{\"inode\":" + inode + ",\"pos\":3" + entry);
  rig->crash();
  EXPECT_EQ(rig->lines(), (Lines{"1", "2"}));  // another file has got the inode
}

TEST_F(TaildirRotationTest, FlumesPositionBeyondTheEndMeansTheBeginning) {
  rig->append("app.log", "1\n");
  rig->dir().write("positions.json",
                   "[{\"inode\":" + std::to_string(inode_of(rig->log("app.log"))) +
                       ",\"pos\":99,\"file\":\"" + rig->log("app.log") + "\"}]");
  rig->start();
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
}

TEST_F(TaildirRotationTest, FlumeCanTakeOver) {
  rig->start();
  rig->append("app.log", "1\n2\n");
  EXPECT_EQ(rig->lines().size(), 2U);
  rig->source().stop();
  const auto positions = parse_tail_positions(rig->dir().read("positions.json"));
  ASSERT_EQ(positions.positions.size(), 1U);
  EXPECT_EQ(positions.positions[0].offset_bytes, 4U);
  EXPECT_EQ(positions.positions[0].inode, inode_of(rig->log("app.log")));
  EXPECT_EQ(positions.positions[0].path, rig->log("app.log"));
}

TEST_F(TaildirRotationTest, ADamagedPositionFileIsKeptAndReadingStartsOver) {
  rig->append("app.log", "1\n");
  rig->dir().write("positions.json", "[{\"inode\":");
  rig->start();
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  EXPECT_EQ(rig->dir().read("positions.json.damaged"), "[{\"inode\":");
}

TEST_F(TaildirRotationTest, AnUnreadablePositionFileFailsTheStart) {
  std::filesystem::create_directory(rig->position_path());
  EXPECT_FALSE(rig->source().start().has_value());
  rig->source().stop();
  EXPECT_TRUE(std::filesystem::is_directory(rig->position_path()));
}

TEST_F(TaildirRotationTest, APositionFileThatCannotBeWrittenDoesNotStopReading) {
  make(Options{{"positionFile", "/proc/none/positions.json"}, {"writePosInterval", "0"}});
  rig->append("app.log", "1\n");
  rig->start();
  EXPECT_EQ(rig->lines(), (Lines{"1"}));
  EXPECT_GT(rig->metrics().counters.at("taildir_position_failures_total"), 0U);
}

}  // namespace
}  // namespace spillway::agent
