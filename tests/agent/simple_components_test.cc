// `seq` numbers every event once however often a channel refuses; `null` and `logger` take all.
#include <gtest/gtest.h>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_receiver.h"

namespace spillway::agent {
namespace {

struct SeqSourceTest : testing::Test {
  std::unique_ptr<Source> make(const std::map<std::string, std::string>& given) {
    return std::move(
        kSeqSource.create(context, Config::of(kSeqSource.options, given), receiver).value());
  }

  test::FakeClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
};

TEST_F(SeqSourceTest, CountsFromZeroInBatchesAndFinishes) {
  const auto source = make({{"batchSize", "3"}, {"totalEvents", "5"}});
  ASSERT_TRUE(source->start().has_value());
  EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(source->poll().value(), Source::Poll::kFinished);
  source->stop();
  EXPECT_EQ(receiver.bodies(), (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(receiver.batch_sizes(), (std::vector<std::size_t>{3, 2}));
}

TEST_F(SeqSourceTest, RefusedNumbersComeAgain) {
  const auto source = make({{"batchSize", "2"}, {"totalEvents", "4"}});
  receiver.fail_next(2);
  EXPECT_EQ(source->poll().error().code, Errc::kFull);
  EXPECT_EQ(source->poll().error().code, Errc::kFull);
  EXPECT_TRUE(source->poll().has_value());
  EXPECT_TRUE(source->poll().has_value());
  EXPECT_EQ(receiver.bodies(), (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(source->counters().events_received.value(), 4U);  // a retry is not received again
  EXPECT_EQ(source->counters().events_accepted.value(), 4U);
  EXPECT_EQ(source->counters().channel_write_failures.value(), 2U);
}

TEST_F(SeqSourceTest, ValidationSeesTheBatchSize) {
  EXPECT_EQ(kSeqSource.batch_size(Config::of(kSeqSource.options, {{"batchSize", "7"}})), 7U);
}

struct StressSourceTest : testing::Test {
  Result<std::unique_ptr<Source>> make(const std::map<std::string, std::string>& given) {
    return kStressSource.create(context, Config::of(kStressSource.options, given), receiver);
  }

  test::FakeClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
};

TEST_F(StressSourceTest, RepeatsOneBodyUntilTheTotal) {
  const auto source =
      std::move(make({{"size", "3"}, {"batchSize", "4"}, {"maxTotalEvents", "10"}}).value());
  ASSERT_TRUE(source->start().has_value());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(source->poll().value(), Source::Poll::kFinished);
  source->stop();
  EXPECT_EQ(receiver.batch_sizes(), (std::vector<std::size_t>{4, 4, 2}));
  EXPECT_EQ(receiver.bodies()[9], "\x7F\x7F\x7F");
}

TEST_F(StressSourceTest, RefusedEventsCountForTheTotalOnly) {
  const auto total = std::move(make({{"maxTotalEvents", "3"}}).value());
  receiver.fail_next(2);
  EXPECT_FALSE(total->poll().has_value());
  EXPECT_FALSE(total->poll().has_value());
  EXPECT_EQ(total->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(total->poll().value(), Source::Poll::kFinished);
  const auto successful =
      std::move(make({{"maxSuccessfulEvents", "2"}, {"maxTotalEvents", "-1"}}).value());
  receiver.fail_next(1);
  EXPECT_FALSE(successful->poll().has_value());
  EXPECT_EQ(successful->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(successful->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(successful->poll().value(), Source::Poll::kFinished);
}

TEST_F(StressSourceTest, KeepsToTheRate) {
  const auto source =
      std::move(make({{"batchSize", "10"}, {"maxEventsPerSecond", "1000"}}).value());
  ASSERT_TRUE(source->start().has_value());
  source->stop();  // so that no poll waits
  EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(receiver.batch_sizes().size(), 1U);
  clock.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(source->poll().value(), Source::Poll::kReady);
  EXPECT_EQ(receiver.batch_sizes().size(), 2U);
  // A pause is not made up for, but for a tenth of a second.
  clock.advance(std::chrono::hours(1));
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(source->poll().has_value());
  EXPECT_LE(receiver.batch_sizes().size(), 2U + 11);
}

TEST_F(StressSourceTest, LimitsThatAreNoNumbersAreRefused) {
  EXPECT_FALSE(make({{"maxTotalEvents", "many"}}).has_value());
  EXPECT_FALSE(make({{"maxSuccessfulEvents", "-x"}}).has_value());
  EXPECT_TRUE(make({{"maxTotalEvents", "-1"}}).has_value());
}

TEST(NullSinkTest, TakesEverything) {
  test::FakeClock clock;
  const auto sink = std::move(
      kNullSink
          .create({.name = "k1", .clock = &clock},
                  Config::of(kNullSink.options, {{"batchSize", "10"}, {"logEveryNEvents", "0"}}))
          .value());
  ASSERT_TRUE(sink->start().has_value());
  const auto batch = test::batch_of({"a", "b"});
  EXPECT_EQ(sink->batch_size(), 10U);
  EXPECT_TRUE(sink->deliver(test::views_of(batch)).has_value());
  EXPECT_TRUE(sink->deliver({}).has_value());
  sink->stop();
}

TEST(LoggerSinkTest, WritesOneLinePerEvent) {
  test::FakeClock clock;
  const auto sink = std::move(kLoggerSink
                                  .create({.name = "k1", .clock = &clock},
                                          Config::of(kLoggerSink.options, {{"maxBytesToLog", "4"}}))
                                  .value());
  ASSERT_TRUE(sink->start().has_value());
  const auto batch = test::batch_of({"first", "second"});
  testing::internal::CaptureStderr();
  EXPECT_TRUE(sink->deliver(test::views_of(batch)).has_value());
  const std::string log = testing::internal::GetCapturedStderr();
  sink->stop();
  EXPECT_NE(log.find("Event: { headers:{} body: 66 69 72 73"), std::string::npos);
  EXPECT_NE(log.find(" seco }\n"), std::string::npos);
}

}  // namespace
}  // namespace spillway::agent
