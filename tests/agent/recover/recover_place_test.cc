// Every command finds the channel however it is named, refuses what it must not touch, and leaves
// the directories exactly as they were.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;
using test::RunResult;
using test::StoredChannel;

constexpr uid_t kNobody = 65534;

const std::vector<std::string> kCommands{"status", "ls", "cat", "verify", "repair"};

class RecoverPlaceTest : public testing::Test {
 protected:
  void store() {
    stored_.put_numbered(3);
    stored_.stop();
  }
  /// All commands print the same as for the plain directory.
  void expect_found(const std::vector<std::string>& place) {
    std::vector<std::string> arguments{"cat"};
    arguments.insert(arguments.end(), place.begin(), place.end());
    const RunResult result = run_recover(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "1 {} e1\n2 {} e2\n3 {} e3\n");
    EXPECT_EQ(result.err, "");
  }
  static void expect_refused(const std::vector<std::string>& place, int exit_code,
                             const std::string& reason) {
    for (const std::string& command : kCommands) {
      std::vector<std::string> arguments{command};
      arguments.insert(arguments.end(), place.begin(), place.end());
      const RunResult result = run_recover(arguments);
      EXPECT_EQ(result.exit_code, exit_code) << command << result.out;
      EXPECT_TRUE(contains(result.err, reason)) << command << ": " << result.err;
      EXPECT_EQ(result.out, "");
    }
  }

  StoredChannel stored_;
};

TEST_F(RecoverPlaceTest, AnyOfItsDirectoriesNamesTheChannel) {
  store();
  expect_found({stored_.path()});
  expect_found({stored_.path() + "/"});
  expect_found({stored_.file("checkpoint")});
  expect_found({stored_.file("data")});
  expect_found(
      {"--checkpoint-dir", stored_.file("checkpoint"), "--data-dirs", stored_.file("data")});
  // The same directory written twice.
  expect_found({"--checkpoint-dir", stored_.file("checkpoint"), "--data-dirs",
                stored_.file("data") + "," + stored_.file("checkpoint/../data")});
}

TEST_F(RecoverPlaceTest, CheckpointAndDataMayShareADirectory) {
  StoredChannel shared(/*is_one_directory=*/true);
  shared.put_numbered(3);
  shared.stop();
  expect_found({shared.path()});
  expect_found({shared.file("checkpoint")});
  expect_found(
      {"--checkpoint-dir", shared.file("checkpoint"), "--data-dirs", shared.file("checkpoint")});
}

TEST_F(RecoverPlaceTest, SlotsMayLieOnSeveralDirectories) {
  store();
  fs::rename(stored_.file("data"), stored_.file("data1"));
  fs::create_directory(stored_.file("data2"));
  std::ofstream(stored_.file("data2/slot-00002.seg")) << std::string(8192, '\0');
  expect_found({stored_.path()});
  expect_found({"--checkpoint-dir", stored_.file("checkpoint"), "--data-dirs",
                stored_.file("data1") + "," + stored_.file("data2")});
}

TEST_F(RecoverPlaceTest, ConfigurationNamesTheDirectories) {
  store();
  const std::string conf = stored_.file("flume.conf");
  const auto write = [&](const std::string& channels, const std::string& more) {
    std::ofstream(conf) << "a1.channels = " << channels
                        << "\na1.sources = r1\n"
                           "a1.sources.r1.type = seq\n"
                           "a1.sources.r1.channels = c1\n"
                           "a1.channels.m1.type = memory\n"
                           "a1.channels.c1.type = file\n"
                           "a1.channels.c1.checkpointDir = "
                        << stored_.file("checkpoint")
                        << "\na1.channels.c1.dataDirs = " << stored_.file("data") << "\n"
                        << more;
  };
  write("c1 m1", "");
  expect_found({"-f", conf, "-n", "a1"});
  expect_found({"-f", conf, "-n", "a1", "-c", "c1"});
  expect_refused({"-f", conf, "-n", "a1", "-c", "m1"}, 78, "no usable file channel m1");
  expect_refused({"-f", conf, "-n", "a2"}, 78, "no usable file channel");
  expect_refused({"-f", stored_.file("none.conf"), "-n", "a1"}, 78, "No such file");
  // A mistake elsewhere does not hide the channel.
  write("c1", "a1.sources.r1.colour = red\n");
  expect_found({"-f", conf, "-n", "a1"});
  write("c1 c2", "a1.channels.c2.type = file\n");
  expect_refused({"-f", conf, "-n", "a1"}, 2, "several file channels; choose one with -c: c1, c2");
  expect_found({"-f", conf, "-n", "a1", "-c", "c1"});
}

TEST_F(RecoverPlaceTest, OtherDirectoriesAreRefused) {
  store();
  const test::TempDir empty;
  expect_refused({empty.path()}, 1, "is not a channel directory");
  expect_refused({empty.file("none")}, 1, "No such file or directory");
  expect_refused({empty.write("file", "")}, 1, "is not a directory");
  expect_refused(
      {"--checkpoint-dir", stored_.file("checkpoint"), "--data-dirs", empty.file("none")}, 1,
      "is its disk mounted?");
  expect_refused({"--checkpoint-dir", empty.path(), "--data-dirs", empty.path()}, 1,
                 "is not a channel directory");
  empty.write("log-1.meta", "");
  expect_refused({empty.path()}, 1, "Apache Flume");
}

TEST_F(RecoverPlaceTest, MissingDataDirectoryIsNotTakenForAnEmptyChannel) {
  store();
  stored_.remove("data");
  expect_refused({stored_.path()}, 1, "no data directory was found");
  expect_refused({stored_.file("checkpoint")}, 1, "no data directory was found");
}

TEST_F(RecoverPlaceTest, BadUsageIsTwo) {
  store();
  const std::string checkpoint = stored_.file("checkpoint");
  expect_refused({}, 2, "name a channel");
  expect_refused({"--checkpoint-dir", checkpoint}, 2, "--data-dirs");
  expect_refused({checkpoint, "--data-dirs", checkpoint, "--checkpoint-dir", checkpoint}, 2, "DIR");
  expect_refused({"-f", "x.conf"}, 2, "--name");
  expect_refused({checkpoint, "--force"}, 2, "--force");
  EXPECT_EQ(run_recover({}).exit_code, 2);
  EXPECT_EQ(run_recover({"--help"}).exit_code, 0);
  EXPECT_TRUE(contains(run_recover({"cat", "--help"}).out, "--separator"));
}

TEST_F(RecoverPlaceTest, DirectoryOfALiveAgentIsRefused) {
  stored_.put_numbered(1);
  const std::string pid = "in use by process " + std::to_string(::getpid());
  expect_refused({stored_.path()}, 1, pid);
  expect_refused({stored_.file("data")}, 1, pid);
  stored_.put_numbered(1);  // and nobody has taken its lock
  stored_.stop();
  EXPECT_EQ(run_recover({"cat", stored_.path()}).exit_code, 0);
}

// Name -> type, size, times and contents.
std::map<std::string, std::string> snapshot(const fs::path& directory) {
  std::map<std::string, std::string> entries;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    struct stat status {};
    EXPECT_EQ(::stat(entry.path().c_str(), &status), 0);
    std::string contents;
    if (entry.is_regular_file()) {
      std::ifstream in(entry.path(), std::ios::binary);
      contents.assign(std::istreambuf_iterator<char>(in), {});
    }
    entries[entry.path()] = std::to_string(status.st_mode) + " " + std::to_string(status.st_size) +
                            " " + std::to_string(status.st_mtim.tv_sec) + "." +
                            std::to_string(status.st_mtim.tv_nsec) + " " +
                            std::to_string(status.st_ctim.tv_sec) + "." +
                            std::to_string(status.st_ctim.tv_nsec) + " " + contents;
  }
  return entries;
}

TEST_F(RecoverPlaceTest, NothingIsChanged) {
  stored_.put_numbered(3);
  stored_.crash();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  stored_.remove("data/in_use.lock");
  const auto before = snapshot(stored_.path());
  for (const std::string& command : kCommands) run_recover({command, stored_.path()});
  run_recover({"ls", "--blocks", stored_.path()});
  EXPECT_TRUE(snapshot(stored_.path()) == before);
}

TEST_F(RecoverPlaceTest, ReadingIsAllItNeeds) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can run a program as another user";
  store();
  fs::permissions(stored_.path(), fs::perms(0555));
  for (const auto& entry : fs::recursive_directory_iterator(stored_.path())) {
    fs::permissions(entry.path(), fs::perms(entry.is_directory() ? 0555 : 0444));
  }
  for (const std::string& command : kCommands) {
    const RunResult result = run_recover({command, stored_.path()}, kNobody);
    EXPECT_EQ(result.exit_code, 0) << command << result.err;
    EXPECT_EQ(result.err, "");
  }
  fs::permissions(stored_.file(StoredChannel::slot(1)), fs::perms(0400));
  const RunResult refused = run_recover({"verify", stored_.path()}, kNobody);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err, "Permission denied")) << refused.err;
}

TEST_F(RecoverPlaceTest, ListShowsSegmentsAndSlots) {
  for (int i = 0; i < 20; ++i) stored_.put({std::string(60'000, 'x')});
  stored_.take(17);
  stored_.stop();  // the first segment is drained
  std::ofstream(stored_.file(StoredChannel::slot(3))) << std::string(8192, '\0');
  const RunResult result = run_recover({"ls", stored_.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "SEGMENT")) << result.out;
  EXPECT_TRUE(contains(result.out, "slot-00002.seg  last"));
  EXPECT_TRUE(contains(result.out, " 17-20 "));
  EXPECT_TRUE(contains(result.out, "2023-11-14 22:13:20 UTC"));
  EXPECT_TRUE(contains(result.out, "slot-00001.seg  spare: last held segment 1; 1.0 MiB"));
  EXPECT_TRUE(contains(result.out, "slot-00003.seg  spare: not used yet; 8.0 KiB"));
}

TEST_F(RecoverPlaceTest, ListShowsWhatIsWrongWithAFile) {
  for (int i = 0; i < 60; ++i) stored_.put({std::string(60'000, 'x')});
  stored_.stop();
  stored_.remove(StoredChannel::slot(1));
  stored_.truncate(StoredChannel::slot(2), 100'000);
  for (const std::uint64_t offset : {8U, 4104U}) stored_.flip(StoredChannel::slot(3), offset);
  const RunResult result = run_recover({"ls", stored_.path()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(contains(result.out, "slot-00001.seg  missing")) << result.out;
  EXPECT_TRUE(contains(result.out, "slot-00002.seg  cut"));
  EXPECT_TRUE(contains(result.out, "slot-00003.seg  no-header"));
  EXPECT_TRUE(contains(result.out, "slot-00004.seg  last"));
}

TEST_F(RecoverPlaceTest, ListShowsBlocks) {
  stored_.put({"a", "b"});
  stored_.take(1);
  stored_.put_numbered(2);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(2) + 70);
  const RunResult result = run_recover({"ls", "--blocks", stored_.path()});
  EXPECT_EQ(result.exit_code, 1);
  std::vector<std::string> lines;
  std::istringstream in(result.out);
  for (std::string line; std::getline(in, line);) {
    // Columns are for people: compare words.
    std::istringstream words(line);
    std::string joined;
    for (std::string word; words >> word;) joined += (joined.empty() ? "" : " ") + word;
    lines.push_back(joined);
  }
  ASSERT_GE(lines.size(), 5U) << result.out;
  EXPECT_EQ(lines[0], "segment 1 in slot-00001.seg");
  EXPECT_EQ(lines[1], "LSN BYTES EVENTS FIRST SEQUENCE DURABLE LSN ACKS FLAGS STATE");
  EXPECT_EQ(lines[2], "0 4096 2 1 0 0 - ok");
  EXPECT_EQ(lines[3], "4096 4096 1 3 4096 1 - ok");
  EXPECT_EQ(lines[4], "8192 4096 1 4 - - - damaged");
}

}  // namespace
}  // namespace spillway::agent::recover
