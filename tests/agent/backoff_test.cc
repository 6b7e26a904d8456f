// How long the runtime pauses: doubling with jitter after failures, Flume's schedule when idle, and
// never against a stop.

#include "agent/backoff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "agent/failure_episode.h"
#include "agent/stop_signal.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

std::vector<milliseconds> idle_pauses(IdleDelay& delay, int count) {
  std::vector<milliseconds> pauses;
  for (int i = 0; i < count; ++i) pauses.push_back(delay.next());
  return pauses;
}

TEST(BackoffTest, PausesDoubleUpToTheMaximumAndStayInTheUpperHalf) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(1000)}, /*seed=*/7);
  for (const int nominal_ms : {100, 200, 400, 800, 1000, 1000, 1000}) {
    const auto pause = backoff.next();
    EXPECT_LE(pause, milliseconds(nominal_ms));
    EXPECT_GE(pause, milliseconds(nominal_ms / 2));
  }
}

TEST(BackoffTest, ResetBeginsAgainWithTheInitialPause) {
  Backoff backoff({.initial = milliseconds(100), .max = milliseconds(5000)}, /*seed=*/7);
  for (int i = 0; i < 10; ++i) static_cast<void>(backoff.next());
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(100));
}

TEST(BackoffTest, DifferentSeedsDoNotPauseInStep) {
  Backoff one({.initial = milliseconds(5000), .max = milliseconds(5000)}, /*seed=*/1);
  Backoff other({.initial = milliseconds(5000), .max = milliseconds(5000)}, /*seed=*/2);
  std::vector<milliseconds> ones;
  std::vector<milliseconds> others;
  for (int i = 0; i < 5; ++i) {
    ones.push_back(one.next());
    others.push_back(other.next());
  }
  EXPECT_NE(ones, others);
}

TEST(IdleDelayTest, ShortPausesLeadIntoFlumesSchedule) {
  IdleDelay delay(
      {.first = milliseconds(100), .increment = milliseconds(1000), .max = milliseconds(3000)});
  EXPECT_THAT(
      idle_pauses(delay, 8),
      ElementsAre(milliseconds(100), milliseconds(200), milliseconds(400), milliseconds(800),
                  milliseconds(1000), milliseconds(2000), milliseconds(3000), milliseconds(3000)));
}

TEST(IdleDelayTest, MaximumHoldsBelowTheFirstPauseAndBelowTheIncrement) {
  IdleDelay tiny(
      {.first = milliseconds(10), .increment = milliseconds(1000), .max = milliseconds(3)});
  EXPECT_THAT(idle_pauses(tiny, 2), ElementsAre(milliseconds(3), milliseconds(3)));
  IdleDelay low(
      {.first = milliseconds(10), .increment = milliseconds(1000), .max = milliseconds(30)});
  EXPECT_THAT(idle_pauses(low, 4),
              ElementsAre(milliseconds(10), milliseconds(20), milliseconds(30), milliseconds(30)));
}

TEST(IdleDelayTest, WorkMakesThePausesShortAgain) {
  IdleDelay delay({.first = milliseconds(10)});
  for (int i = 0; i < 20; ++i) static_cast<void>(delay.next());
  delay.reset();
  EXPECT_EQ(delay.next(), milliseconds(10));
}

TEST(FailureEpisodeTest, IsNewsAtItsBeginningAndWhenTheErrorChanges) {
  FailureEpisode episode;
  EXPECT_TRUE(episode.fail({.code = Errc::kFull}));
  EXPECT_FALSE(episode.fail({.code = Errc::kFull}));
  EXPECT_TRUE(episode.fail({.code = Errc::kIo}));
  EXPECT_EQ(episode.length(), 3U);
  EXPECT_EQ(episode.succeed(), 3U);
  EXPECT_EQ(episode.succeed(), 0U);
  EXPECT_TRUE(episode.fail({.code = Errc::kIo}));
}

TEST(StopSignalTest, RequestEndsAWaitInProgress) {
  StopSignal stop;
  std::thread waiter([&stop] { EXPECT_TRUE(stop.wait_for(std::chrono::hours(1))); });
  stop.request();
  waiter.join();
  EXPECT_TRUE(stop.is_requested());
}

TEST(StopSignalTest, WaitWithoutRequestEndsWithItsTime) {
  StopSignal stop;
  EXPECT_FALSE(stop.wait_for(milliseconds(1)));
  EXPECT_FALSE(stop.is_requested());
}

}  // namespace
}  // namespace spillway::agent
