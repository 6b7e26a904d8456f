// Promise: an event that a store refuses for good is in the channel for dead letters, whole and
// with the reason, before its batch is acknowledged; and a configuration says where that is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent_config.h"
#include "agent/dead_letter_channel.h"
#include "agent/pipeline_builder.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Headers = std::map<std::string, std::string>;

struct DeadLetterChannelTest : testing::Test {
  DeadLetterChannelTest() {
    const Config config =
        Config::of(kMemoryChannelType.options,
                   {{"capacity", "4"}, {"transactionCapacity", "2"}, {"keep-alive", "0"}});
    auto created = kMemoryChannelType.create({.name = "dead", .clock = &clock}, config);
    live = std::make_shared<LiveChannel>("dead", "memory", std::move(created.value()));
    letters = std::make_unique<DeadLetterChannel>("k1", live, clock);
  }
  ~DeadLetterChannelTest() override { live->stop(); }

  std::vector<std::pair<std::string, Headers>> take_all() {
    std::vector<std::pair<std::string, Headers>> events;
    while (live->channel().size_events() > 0) {
      auto taken = live->channel().take(2, std::chrono::milliseconds(0));
      for (const auto& event : taken.value()->events()) {
        Headers headers;
        event.for_each_header([&](const channel::HeaderView& header) {
          EXPECT_TRUE(headers.emplace(header.key, header.value).second) << header.key;
        });
        events.emplace_back(event.body(), std::move(headers));
      }
      EXPECT_TRUE(taken.value()->commit().has_value());
    }
    return events;
  }

  test::FakeClock clock;
  std::shared_ptr<LiveChannel> live;
  std::unique_ptr<DeadLetterChannel> letters;
};

TEST_F(DeadLetterChannelTest, KeepsTheEventWithTheReasonTheSinkAndTheTime) {
  ASSERT_TRUE(live->start().has_value());
  channel::EventBatch batch;
  batch.add("good");
  const std::vector<channel::HeaderView> headers{{"h", "v"}, {kDeadLetterReason, "an older one"}};
  batch.add(headers, "bad");
  const auto views = test::views_of(batch);
  const std::vector<RefusedEvent> refused{{.index = 1, .reason = "HTTP status 400"}};
  ASSERT_TRUE(letters->add(views, refused).has_value());
  EXPECT_THAT(take_all(), ElementsAre(testing::Pair(
                              "bad", Headers{{"h", "v"},
                                             {"spillway.dead_letter.reason", "HTTP status 400"},
                                             {"spillway.dead_letter.sink", "k1"},
                                             {"spillway.dead_letter.time", "1700000000000"}})));
}

TEST_F(DeadLetterChannelTest, MoreThanATransactionHoldsGoInSeveral) {
  ASSERT_TRUE(live->start().has_value());
  const auto batch = test::batch_of({"1", "2", "3"});
  const auto views = test::views_of(batch);
  const std::vector<RefusedEvent> refused{{0, "a"}, {1, "b"}, {2, std::string(5000, 'c')}};
  ASSERT_TRUE(letters->add(views, refused).has_value());
  const auto events = take_all();
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[2].second.at("spillway.dead_letter.reason").size(), 1000U);
}

TEST_F(DeadLetterChannelTest, AFullOrClosedChannelIsAnError) {
  const auto batch = test::batch_of({"1", "2"});
  const auto views = test::views_of(batch);
  const std::vector<RefusedEvent> refused{{0, "a"}, {1, "b"}};
  const auto closed = letters->add(views, refused);
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error().code, Errc::kClosed);
  ASSERT_TRUE(live->start().has_value());
  EXPECT_TRUE(letters->add(views, refused).has_value());
  EXPECT_TRUE(letters->add(views, refused).has_value());
  const auto full = letters->add(views, refused);
  ASSERT_FALSE(full.has_value());
  EXPECT_EQ(full.error().code, Errc::kFull);
  EXPECT_EQ(take_all().size(), 4U);
}

struct DeadLetterConfigTest : testing::Test {
  LoadedAgent load(const std::string& more) {
    const std::string path =
        dir.write("a.conf",
                  "a1.sources = r1\na1.channels = c1 dead\na1.sinks = k1 k2\n"
                  "a1.sources.r1.type = seq\na1.sources.r1.channels = c1\n"
                  "a1.channels.c1.type = memory\na1.channels.dead.type = memory\n"
                  "a1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n"
                  "a1.sinks.k2.type = null\na1.sinks.k2.channel = c1\n" +
                      more);
    return load_agent_config({path}, "a1");
  }
  static std::vector<std::string> reasons(const LoadedAgent& loaded) {
    std::vector<std::string> all;
    for (const ConfigProblem& problem : loaded.problems) {
      if (!problem.is_notice) all.push_back(problem.key + ": " + problem.reason);
    }
    return all;
  }
  test::TempDir dir;
};

TEST_F(DeadLetterConfigTest, ADirectoryIsAFileChannelOfTheSinksOwn) {
  const LoadedAgent loaded =
      load("a1.sinks.k1.deadLetter.directory = " + dir.file("letters") + "\n");
  EXPECT_THAT(reasons(loaded), IsEmpty());
  ASSERT_EQ(loaded.agent.channels.size(), 3U);
  EXPECT_EQ(loaded.agent.channels[2].name, "k1.dead_letters");
  EXPECT_EQ(loaded.agent.channels[2].type, &kFileChannelType);
  EXPECT_EQ(loaded.agent.sinks[0].dead_letters, 2U);
  EXPECT_EQ(loaded.agent.sinks[1].dead_letters, std::nullopt);

  const SystemClock clock;
  BuiltPipeline built = build_pipeline(loaded.agent, clock);
  EXPECT_THAT(built.problems, IsEmpty());
  EXPECT_NE(built.pipeline.sinks[0]->dead_letters, nullptr);
  EXPECT_EQ(built.pipeline.sinks[1]->dead_letters, nullptr);
  LiveChannel& letters = *built.pipeline.channels[2];
  ASSERT_TRUE(letters.start().has_value());
  const auto batch = test::batch_of({"bad"});
  const auto views = test::views_of(batch);
  const std::vector<RefusedEvent> refused{{0, "no"}};
  EXPECT_TRUE(built.pipeline.sinks[0]->dead_letters->add(views, refused).has_value());
  letters.stop();
  EXPECT_TRUE(std::filesystem::exists(dir.path() / "letters" / "data"));
}

TEST_F(DeadLetterConfigTest, AChannelOfTheAgentIsFilledByTheSink) {
  const LoadedAgent loaded = load("a1.sinks.k1.deadLetter.channel = dead\n");
  EXPECT_THAT(reasons(loaded), IsEmpty());
  EXPECT_EQ(loaded.agent.sinks[0].dead_letters, 1U);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_THAT(loaded.problems[0].reason, HasSubstr("no sink takes from this channel"));
}

TEST_F(DeadLetterConfigTest, WhatCannotWorkIsRefused) {
  EXPECT_THAT(reasons(load("a1.sinks.k1.deadLetter.channel = c1\n")),
              ElementsAre(HasSubstr("a1.sinks.k1.deadLetter.channel: the sink takes from this")));
  EXPECT_THAT(reasons(load("a1.sinks.k1.deadLetter.channel = deed\n")),
              ElementsAre(HasSubstr("there is no channel \"deed\"; did you mean \"dead\"?")));
  EXPECT_THAT(reasons(load("a1.sinks.k1.deadLetter.channel = dead\n"
                           "a1.sinks.k1.deadLetter.directory = /x\n")),
              ElementsAre(HasSubstr("there is a deadLetter.channel already")));
  EXPECT_THAT(reasons(load("a1.sinks.k1.deadLetter.directory = /x\n"
                           "a1.sinks.k2.deadLetter.directory = /x/\n")),
              testing::Contains(HasSubstr("belongs to")));
}

}  // namespace
}  // namespace spillway::agent
