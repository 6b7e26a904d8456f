// `exec` delivers every line a command prints while the agent runs, keeps lines that are refused,
// and leaves no process behind.
#include <gtest/gtest.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/eventually.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using Lines = std::vector<std::string>;

struct ExecSourceTest : testing::Test {
  std::unique_ptr<Source> make(const std::map<std::string, std::string>& given) {
    return std::move(
        kExecSource.create(context, Config::of(kExecSource.options, given), receiver).value());
  }
  std::unique_ptr<Source> start_shell(const std::string& script,
                                      std::map<std::string, std::string> given = {}) {
    given.emplace("command", script);
    given.emplace("shell", "/bin/sh -c");
    given.emplace("batchTimeout", "20");
    auto source = make(given);
    EXPECT_TRUE(source->start().has_value());
    return source;
  }

  SystemClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
  test::TempDir dir;
};

TEST_F(ExecSourceTest, WithoutShellTheCommandIsSplitOnWhiteSpace) {
  const auto source = make({{"command", "printf  %s\\n  'a  b|c'"}});
  ASSERT_TRUE(source->start().has_value());
  ASSERT_TRUE(receiver.wait_for_events(2));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{"'a", "b|c'"}));
}

TEST_F(ExecSourceTest, WithShellTheCommandIsOneArgument) {
  const auto source = start_shell("echo \"a  b\" | tr a-z A-Z");
  ASSERT_TRUE(receiver.wait_for_events(1));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{"A  B"}));
}

TEST_F(ExecSourceTest, LinesFillBatchesAndAnUnterminatedLastLineIsDelivered) {
  const auto source =
      start_shell("printf 'a\\nb\\r\\n\\nd\\ne'", {{"batchSize", "2"}, {"batchTimeout", "1h"}});
  ASSERT_TRUE(receiver.wait_for_events(5));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{"a", "b", "", "d", "e"}));
  EXPECT_EQ(receiver.batch_sizes(), (std::vector<std::size_t>{2, 2, 1}));
}

TEST_F(ExecSourceTest, AHalfFullBatchWaitsNoLongerThanTheTimeout) {
  const auto source = start_shell("echo first; exec sleep 1000", {{"batchSize", "100"}});
  EXPECT_TRUE(receiver.wait_for_events(1));
  source->stop();
}

TEST_F(ExecSourceTest, RefusedLinesAreKeptInOrder) {
  receiver.fail_next(3);
  const auto source = start_shell("seq 1 100", {{"batchSize", "7"}});
  ASSERT_TRUE(receiver.wait_for_events(100));
  source->stop();
  Lines expected;
  for (int i = 1; i <= 100; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(receiver.bodies(), expected);
  EXPECT_EQ(source->counters().events_received.value(), 100U);
  EXPECT_EQ(source->counters().channel_write_failures.value(), 3U);
}

TEST_F(ExecSourceTest, ACommandWaitsWhileItsLinesAreRefused) {
  // 4 MB do not fit into the pipe and our buffer, so the marker appears only after recovery.
  receiver.fail_always();
  const auto source = start_shell("seq -f %01000g 1 4000; touch " + dir.file("done"));
  ASSERT_TRUE(receiver.wait_for_attempts(3));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "done"));
  receiver.recover();
  EXPECT_TRUE(receiver.wait_for_events(4000));
  EXPECT_TRUE(test::eventually([&] { return std::filesystem::exists(dir.path() / "done"); }));
  source->stop();
}

TEST_F(ExecSourceTest, OnlyLinesNoChannelCanHoldAreDropped) {
  receiver.set_batch_size_max(0);
  const auto refused = start_shell("echo a; echo b");
  ASSERT_TRUE(receiver.wait_for_attempts(3));  // the batch, then each line
  refused->stop();
  receiver.set_batch_size_max(1);
  const auto source = start_shell("seq 1 5", {{"batchSize", "5"}});
  ASSERT_TRUE(receiver.wait_for_events(5));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{"1", "2", "3", "4", "5"}));
}

TEST_F(ExecSourceTest, LongLinesAreSplit) {
  const auto source = start_shell("seq -f %040g 1 1", {{"maxLineLength", "16"}});
  ASSERT_TRUE(receiver.wait_for_events(3));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{std::string(16, '0'), std::string(16, '0'), "00000001"}));
}

TEST_F(ExecSourceTest, EndsForGoodWithoutRestart) {
  const auto source = start_shell("echo once; echo >> " + dir.file("runs"));
  ASSERT_TRUE(receiver.wait_for_events(1));
  source->stop();
  EXPECT_EQ(dir.read("runs"), "\n");
}

TEST_F(ExecSourceTest, RestartsAfterTheThrottle) {
  const auto source =
      start_shell("echo again; exit 3", {{"restart", "true"}, {"restartThrottle", "1"}});
  EXPECT_TRUE(receiver.wait_for_events(5));
  source->stop();
}

TEST_F(ExecSourceTest, StopInterruptsTheThrottle) {
  const auto source = start_shell("echo once", {{"restart", "true"}, {"restartThrottle", "1h"}});
  ASSERT_TRUE(receiver.wait_for_events(1));
  source->stop();  // returns, or the test times out
}

TEST_F(ExecSourceTest, StopEndsTheWholeProcessGroup) {
  const auto source = start_shell(
      "sleep 1000 & echo $!; trap '' TERM; echo $$; "
      "while true; do sleep 1000; done");
  ASSERT_TRUE(receiver.wait_for_events(2));
  source->stop();
  for (const std::string& pid : receiver.bodies()) {
    // An orphan is reaped by init a moment after it was killed.
    EXPECT_TRUE(test::eventually([&] {
      return ::kill(static_cast<::pid_t>(std::stol(pid)), 0) != 0 && errno == ESRCH;
    })) << pid;
  }
}

TEST_F(ExecSourceTest, LinesPrintedOnTheWayOutAreDelivered) {
  const auto source = start_shell(
      "trap 'echo bye; exit' TERM; echo hello; "
      "while true; do sleep 0.01; done");
  ASSERT_TRUE(receiver.wait_for_events(1));
  source->stop();
  EXPECT_EQ(receiver.bodies(), (Lines{"hello", "bye"}));
}

TEST_F(ExecSourceTest, StopDoesNotWaitForAChannelThatRefuses) {
  receiver.fail_always();
  const auto source = start_shell("seq 1 100; exec sleep 1000");
  ASSERT_TRUE(receiver.wait_for_attempts(1));
  source->stop();  // returns, or the test times out
  EXPECT_TRUE(receiver.bodies().empty());
}

TEST_F(ExecSourceTest, StandardErrorIsLoggedOnlyWhenAsked) {
  for (const bool is_logged : {true, false}) {
    testing::internal::CaptureStderr();
    const std::size_t before = receiver.bodies().size();
    const auto source = start_shell("echo oops $((20+1)) >&2; echo out",
                                    {{"logStdErr", is_logged ? "true" : "false"}});
    ASSERT_TRUE(receiver.wait_for_events(before + 1));
    source->stop();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_EQ(log.find("oops 21") != std::string::npos, is_logged) << log;
  }
  EXPECT_EQ(receiver.bodies(), (Lines{"out", "out"}));  // never mixed into the events
}

TEST_F(ExecSourceTest, MissingProgramFailsStart) {
  const auto source = make({{"command", "/nonexistent/program"}});
  EXPECT_EQ(source->start().error().code, Errc::kNotFound);
  source->stop();
}

TEST_F(ExecSourceTest, BlankCommandIsRefused) {
  const Config config = Config::of(kExecSource.options, {{"command", " "}});
  EXPECT_EQ(kExecSource.create(context, config, receiver).error().code, Errc::kBadConfig);
}

}  // namespace
}  // namespace spillway::agent
