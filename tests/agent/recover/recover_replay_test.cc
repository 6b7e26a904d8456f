// `recover replay` sends what waits through the sinks of a configuration, in order, never writes to
// the source, and goes on where it was interrupted: at most the batch under way is sent twice.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;
using test::RunResult;
using test::StoredChannel;

class RecoverReplayTest : public testing::Test {
 protected:
  RecoverReplayTest() {
    fs::create_directory(out_.path() / "rolled");
    write_config("");
  }

  void write_config(const std::string& more, const std::string& type = "memory") {
    std::ofstream(out_.file("flume.conf")) << "a1.sources = r1\n"
                                              "a1.channels = c1 other\n"
                                              "a1.sinks = k1 k2\n"
                                              "a1.sources.r1.type = seq\n"
                                              "a1.sources.r1.channels = c1\n"
                                              "a1.channels.c1.type = "
                                           << type
                                           << "\n"
                                              "a1.channels.other.type = memory\n"
                                              "a1.sinks.k1.type = file_roll\n"
                                              "a1.sinks.k1.channel = c1\n"
                                              "a1.sinks.k1.sink.batchSize = 10\n"
                                              "a1.sinks.k1.sink.rollInterval = 0\n"
                                              "a1.sinks.k1.sink.directory = "
                                           << out_.file("rolled")
                                           << "\na1.sinks.k2.type = null\n"
                                              "a1.sinks.k2.channel = other\n"
                                           << more;
  }
  [[nodiscard]] std::vector<std::string> arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> all{"replay", stored_.path(), "-f", out_.file("flume.conf"),
                                 "-n",     "a1",           "-c", "c1"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  RunResult replay(const std::vector<std::string>& more = {}) {
    return run_recover(arguments(more));
  }
  RunResult apply() { return replay({"--apply", "--state", out_.file("state")}); }
  /// What the sink has written, file after file.
  [[nodiscard]] std::string sent() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(out_.path() / "rolled")) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::string all;
    for (const fs::path& file : files) {
      std::ifstream in(file);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  }
  static std::string numbered(int first, int last) {
    std::string all;
    for (int i = first; i <= last; ++i) all += "e" + std::to_string(i) + "\n";
    return all;
  }

  StoredChannel stored_;
  test::TempDir out_;
};

TEST_F(RecoverReplayTest, PlanSendsNothing) {
  stored_.put_numbered(5);
  stored_.take(2);
  stored_.stop();
  const RunResult result = replay();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("Sends     3 events"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("Through   k1 (file_roll)\n"), std::string::npos) << result.out;
  EXPECT_EQ(sent(), "");
  EXPECT_FALSE(fs::exists(out_.path() / "state"));
}

TEST_F(RecoverReplayTest, SendsWhatWaitsInOrderAndKnowsItLater) {
  stored_.put_numbered(105);
  stored_.take(2);
  stored_.stop();
  const std::string manifest = stored_.read("checkpoint/manifest");
  const std::string slot = stored_.read(StoredChannel::slot(1));
  const RunResult result = apply();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("sent 103 events\ncomplete"), std::string::npos) << result.out;
  EXPECT_EQ(sent(), numbered(3, 105));
  EXPECT_TRUE(stored_.read("checkpoint/manifest") == manifest);
  EXPECT_TRUE(stored_.read(StoredChannel::slot(1)) == slot);
  const RunResult again = apply();
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("sent 0 events\ncomplete"), std::string::npos) << again.out;
  EXPECT_EQ(sent(), numbered(3, 105));
}

TEST_F(RecoverReplayTest, InterruptedItGoesOnLater) {
  stored_.put_numbered(300);
  stored_.stop();
  std::string command = spillway_binary() + " recover";
  for (const std::string& argument :
       arguments({"--apply", "--rate", "100", "--state", out_.file("state")})) {
    command += " " + argument;
  }
  // Stopped once some events have arrived.
  const std::string script = command + " & until [ -s " + out_.file("state") +
                             " ]; do sleep 0.02; done; kill -TERM $!; wait $!; echo \"code $?\"";
  const RunResult stopped = test::run_program({"/bin/bash", "-c", script});
  EXPECT_NE(stopped.out.find("stopped: the same command"), std::string::npos) << stopped.out;
  EXPECT_NE(stopped.out.find("code 1\n"), std::string::npos) << stopped.out;
  const std::string first = sent();
  EXPECT_FALSE(first.empty());
  EXPECT_LT(first.size(), numbered(1, 300).size());
  EXPECT_EQ(apply().exit_code, 0);
  EXPECT_EQ(sent(), numbered(1, 300)) << "nothing twice: the batch under way was finished";
}

TEST_F(RecoverReplayTest, KilledItRepeatsAtMostTheBatchUnderWay) {
  stored_.put_numbered(300);
  stored_.stop();
  std::string command = spillway_binary() + " recover";
  for (const std::string& argument :
       arguments({"--apply", "--rate", "500", "--state", out_.file("state")})) {
    command += " " + argument;
  }
  const std::string script = command + " & until [ -s " + out_.file("state") +
                             " ]; do sleep 0.02; done; kill -KILL $!; wait $!";
  test::run_program({"/bin/bash", "-c", script});
  EXPECT_EQ(apply().exit_code, 0);
  std::map<std::string, int> count;
  std::istringstream in(sent());
  for (std::string line; std::getline(in, line);) ++count[line];
  EXPECT_EQ(count.size(), 300U);
  int repeated = 0;
  for (const auto& [line, times] : count) repeated += times - 1;
  EXPECT_LE(repeated, 10);
}

TEST_F(RecoverReplayTest, DamageIsSkippedAndCounted) {
  stored_.put_numbered(4);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  EXPECT_NE(replay().out.find("Loses     1 event that"), std::string::npos);
  const RunResult result = apply();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "damaged: sequence 2 cannot be read (LSN 4096 to 8192)\n");
  EXPECT_NE(result.out.find("sent 3 events\nLOST 1 event"), std::string::npos) << result.out;
  EXPECT_EQ(sent(), "e1\ne3\ne4\n");
}

TEST_F(RecoverReplayTest, StateOfAnotherChannelIsRefused) {
  stored_.put_numbered(1);
  stored_.stop();
  StoredChannel other;
  other.put_numbered(1);
  other.stop();
  EXPECT_EQ(apply().exit_code, 0);
  std::vector<std::string> mixed = arguments({"--apply", "--state", out_.file("state")});
  mixed[1] = other.path();
  const RunResult result = run_recover(mixed);
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("another channel's replay"), std::string::npos) << result.err;
  out_.write("state", "spillway replay 1\n");
  EXPECT_NE(apply().err.find("not the state of a replay"), std::string::npos);
}

TEST_F(RecoverReplayTest, BadUsageAndBadConfigurationAreRefused) {
  stored_.put_numbered(1);
  EXPECT_NE(apply().err.find("in use by process"), std::string::npos);
  stored_.stop();
  EXPECT_EQ(run_recover({"replay", stored_.path()}).exit_code, 2);
  EXPECT_EQ(replay({"--apply"}).exit_code, 2) << "no --state";
  EXPECT_EQ(replay({"--apply", "--state", stored_.file("data/state")}).exit_code, 2);
  EXPECT_EQ(replay({"--rate", "0"}).exit_code, 2);
  std::vector<std::string> unnamed = arguments({});
  unnamed.resize(unnamed.size() - 2);
  const RunResult ambiguous = run_recover(unnamed);
  EXPECT_EQ(ambiguous.exit_code, 2);
  EXPECT_NE(ambiguous.err.find("agent a1 has c1, other"), std::string::npos) << ambiguous.err;
  write_config("a1.sinks.k1.sink.nonsense = 1\n");
  const RunResult bad = apply();
  EXPECT_EQ(bad.exit_code, 78);
  EXPECT_NE(bad.err.find("nonsense"), std::string::npos) << bad.err;
  EXPECT_EQ(sent(), "");
}

TEST_F(RecoverReplayTest, ConfiguredChannelIsTheSourceIfNoneIsNamed) {
  stored_.put_numbered(3);
  stored_.stop();
  write_config("a1.channels.c1.checkpointDir = " + stored_.file("checkpoint") +
                   "\na1.channels.c1.dataDirs = " + stored_.file("data") + "\n",
               "file");
  std::vector<std::string> without = arguments({"--apply", "--state", out_.file("state")});
  without.erase(without.begin() + 1);
  const RunResult result = run_recover(without);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(sent(), numbered(1, 3));
}

}  // namespace
}  // namespace spillway::agent::recover
