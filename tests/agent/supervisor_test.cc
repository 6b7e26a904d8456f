// What is supervised starts in order, is tried again when it fails, never before what it needs, and
// not at all once stopped.

#include "agent/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <utility>

#include "tests/support/eventually.h"
#include "tests/support/fake_components.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using testing::ElementsAre;

constexpr BackoffOptions kQuick{.initial = milliseconds(1), .max = milliseconds(2)};
constexpr BackoffOptions kPatient{.initial = milliseconds(3'600'000),
                                  .max = milliseconds(3'600'000)};

struct SupervisorTest : testing::Test {
  /// A start function that fails `failures` times and keeps a journal.
  std::function<Result<void>()> start_of(std::string name, int failures = 0) {
    return [this, name = std::move(name), failures]() mutable -> Result<void> {
      journal.add(name);
      if (failures-- > 0) return Error{.code = Errc::kUnavailable, .what = "scripted"};
      return {};
    };
  }
  static ComponentStatus named(const char* name) { return {.name = name}; }

  SystemClock clock;
  test::Journal journal;
};

TEST_F(SupervisorTest, StartsInOrder) {
  Supervisor supervisor(clock, kQuick, 1);
  supervisor.add(named("a"), start_of("a"), {});
  supervisor.add(named("b"), start_of("b"), {0});
  supervisor.add(named("c"), start_of("c"), {});
  supervisor.start();
  supervisor.wait_first_round();
  EXPECT_THAT(journal.lines(), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(supervisor.are_all_started());
  EXPECT_GT(supervisor.status()[0].started_ms, 0);
}

TEST_F(SupervisorTest, FailureDelaysOnlyThoseThatNeedIt) {
  Supervisor supervisor(clock, kPatient, 1);
  supervisor.add(named("a"), start_of("a", /*failures=*/1), {});
  supervisor.add(named("b"), start_of("b"), {0});
  supervisor.add(named("c"), start_of("c"), {});
  supervisor.start();
  supervisor.wait_first_round();
  EXPECT_THAT(journal.lines(), ElementsAre("a", "c"));
  const auto status = supervisor.status();
  EXPECT_EQ(status[0].state, ComponentState::kRetrying);
  EXPECT_EQ(status[0].start_failures, 1U);
  EXPECT_THAT(status[0].last_error, testing::HasSubstr("scripted"));
  EXPECT_EQ(status[1].state, ComponentState::kWaiting);
  EXPECT_EQ(status[2].state, ComponentState::kStarted);
  EXPECT_FALSE(supervisor.are_all_started());
}

TEST_F(SupervisorTest, FailedStartIsTriedAgainAndThenWhatNeedsIt) {
  Supervisor supervisor(clock, kQuick, 1);
  supervisor.add(named("a"), start_of("a", /*failures=*/2), {});
  supervisor.add(named("b"), start_of("b"), {0});
  supervisor.start();
  ASSERT_TRUE(eventually([&] { return supervisor.are_all_started(); }));
  EXPECT_THAT(journal.lines(), ElementsAre("a", "a", "a", "b"));
  EXPECT_EQ(supervisor.status()[0].start_failures, 2U);
  EXPECT_EQ(supervisor.status()[0].last_error, "");
}

TEST_F(SupervisorTest, NothingStartsAfterStop) {
  Supervisor supervisor(clock, kPatient, 1);
  supervisor.add(named("a"), start_of("a", /*failures=*/1), {});
  supervisor.start();
  supervisor.wait_first_round();
  supervisor.stop();  // does not sit out the back-off
  supervisor.stop();
  EXPECT_THAT(journal.lines(), ElementsAre("a"));
}

TEST_F(SupervisorTest, StopWaitsForTheStartInProgressAndForNoOther) {
  Supervisor supervisor(clock, kQuick, 1);
  StopSignal entered;
  StopSignal release;
  supervisor.add(named("slow"),
                 [&]() -> Result<void> {
                   entered.request();
                   release.wait();
                   return {};
                 },
                 {});
  supervisor.add(named("next"), start_of("next"), {});
  supervisor.start();
  entered.wait();
  EXPECT_EQ(supervisor.status()[0].state, ComponentState::kWaiting);  // answers meanwhile
  std::thread stopper([&] { supervisor.stop(); });
  // Only once the stop has been asked for may the slow start go on.
  ASSERT_TRUE(eventually([&] { return supervisor.is_stopping(); }));
  release.request();
  stopper.join();
  EXPECT_EQ(supervisor.status()[0].state, ComponentState::kStarted);
  EXPECT_THAT(journal.lines(), testing::IsEmpty());
}

TEST_F(SupervisorTest, StopBeforeStartIsFine) {
  Supervisor supervisor(clock, kQuick, 1);
  supervisor.add(named("a"), start_of("a"), {});
  supervisor.stop();
  supervisor.set_stopped(0);
  EXPECT_EQ(supervisor.status()[0].state, ComponentState::kStopped);
  EXPECT_THAT(journal.lines(), testing::IsEmpty());
}

}  // namespace
}  // namespace spillway::agent
