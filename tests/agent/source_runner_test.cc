// What a polled source may rely on: polled while it has work, left alone while it has none, tried
// again after an error, and never called after its runner was joined.

#include "agent/source_runner.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.h"
#include "tests/support/fake_components.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using Poll = Source::Poll;

struct SourceRunnerTest : testing::Test {
  static constexpr milliseconds kPatience{120'000};  // reached only when something hangs

  static SourceRunnerOptions quick() {
    return {
        .idle = {.first = milliseconds(1), .increment = milliseconds(1), .max = milliseconds(1)},
        .failure = {.initial = milliseconds(1), .max = milliseconds(1)}};
  }

  static SourceRunnerOptions patient() {
    constexpr milliseconds kHour{3'600'000};
    return {.idle = {.first = kHour, .increment = kHour, .max = kHour},
            .failure = {.initial = kHour, .max = kHour}};
  }

  void SetUp() override { ASSERT_TRUE(source.start().has_value()); }
  test::FakeSource source;
};

TEST_F(SourceRunnerTest, EventDrivenSourceIsAskedOnce) {
  SourceRunner runner("r1", source, quick());
  runner.start();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  EXPECT_EQ(source.polls(), 1);
  EXPECT_FALSE(runner.is_finished());
}

TEST_F(SourceRunnerTest, ReadySourceIsPolledWithoutAPause) {
  source.on_poll([left = 1000](auto*) mutable -> Result<Poll> {
    return --left > 0 ? Poll::kReady : Poll::kFinished;
  });
  SourceRunner runner("r1", source, patient());
  runner.start();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  EXPECT_EQ(source.polls(), 1000);
  EXPECT_TRUE(runner.is_finished());
}

TEST_F(SourceRunnerTest, IdleSourceIsPolledAgain) {
  source.on_poll([](auto*) -> Result<Poll> { return Poll::kIdle; });
  SourceRunner runner("r1", source, quick());
  runner.start();
  EXPECT_TRUE(eventually([&] { return source.polls() >= 3; }));
}

TEST_F(SourceRunnerTest, FailedPollIsRepeatedUntilItWorks) {
  source.on_poll([failures = 3](auto*) mutable -> Result<Poll> {
    if (failures-- > 0) return Error{.code = Errc::kFull, .what = "scripted"};
    return Poll::kFinished;
  });
  SourceRunner runner("r1", source, quick());
  runner.start();
  EXPECT_TRUE(runner.wait_ended(kPatience));
  EXPECT_EQ(source.polls(), 4);
}

TEST_F(SourceRunnerTest, StopDoesNotWaitForAnIdlePause) {
  source.on_poll([](auto*) -> Result<Poll> { return Poll::kIdle; });
  SourceRunner runner("r1", source, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return source.polls() == 1; }));
  runner.join();
  runner.join();
  EXPECT_EQ(source.polls(), 1);
}

TEST_F(SourceRunnerTest, StopDoesNotWaitForAFailurePause) {
  source.on_poll([](auto*) -> Result<Poll> { return Error{.code = Errc::kIo}; });
  SourceRunner runner("r1", source, patient());
  runner.start();
  ASSERT_TRUE(eventually([&] { return source.polls() == 1; }));
  runner.join();
  EXPECT_EQ(source.polls(), 1);
}

TEST_F(SourceRunnerTest, RunnerThatNeverRanHasEnded) {
  SourceRunner runner("r1", source, quick());
  EXPECT_TRUE(runner.wait_ended(milliseconds(0)));
  runner.join();
  EXPECT_EQ(source.polls(), 0);
}

}  // namespace
}  // namespace spillway::agent
