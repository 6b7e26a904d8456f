// A reload keeps what has not changed, brings the rest to what a fresh start would run, and changes
// nothing when the new configuration is bad.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/agent_config.h"
#include "agent/pipeline_builder.h"
#include "agent/reload_log.h"
#include "agent/reloader.h"
#include "tests/support/eventually.h"
#include "tests/support/free_port.h"
#include "tests/support/post_server.h"
#include "tests/support/seeds.h"
#include "tests/support/tcp_client.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;
using Outcome = Reload::Outcome;

constexpr const char* kBase =
    "a1.sources = r1\n"
    "a1.channels = c1\n"
    "a1.sinks = k1\n"
    "a1.sources.r1.type = netcat\n"
    "a1.sources.r1.bind = 127.0.0.1\n"
    "a1.sources.r1.channels = c1\n"
    "a1.channels.c1.type = memory\n"
    "a1.sinks.k1.type = null\n"
    "a1.sinks.k1.channel = c1\n";

std::string with_port(const std::string& text, std::uint16_t port) {
  return text + "a1.sources.r1.port = " + std::to_string(port) + "\n";
}

/// The text with every `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

struct ReloadTest : testing::Test {
  void start(const std::string& text, milliseconds poll = milliseconds(0)) {
    write(text);
    const LoadedAgent loaded = load();
    ASSERT_FALSE(has_errors(loaded.problems)) << to_string(loaded.problems.front());
    BuiltPipeline built = build_pipeline(loaded.agent, clock);
    ASSERT_THAT(built.problems, IsEmpty());
    agent = std::make_unique<Agent>(
        std::move(built.pipeline), clock,
        LifecycleOptions{.start_retry = {.initial = milliseconds(1), .max = milliseconds(20)}});
    reloader = std::make_unique<Reloader>(
        *agent, loaded.agent, [this] { return load(); }, log, clock,
        ReloaderOptions{.files = {path()}, .poll_interval = poll, .drain_max = kDrain});
    agent->start();
    agent->wait_first_round();
  }
  void TearDown() override {
    reloader.reset();
    if (agent != nullptr) agent->stop(milliseconds(0));
  }

  [[nodiscard]] std::string path() const { return dir.file("agent.conf"); }
  void write(const std::string& text) { dir.write("agent.conf", text); }
  [[nodiscard]] LoadedAgent load() const { return load_agent_config({path()}, "a1"); }
  Outcome reload(const std::string& text) {
    write(text);
    return reloader->reload();
  }

  static constexpr milliseconds kDrain{30'000};

  test::TempDir dir;
  SystemClock clock;
  ReloadLog log;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<Reloader> reloader;
};

TEST_F(ReloadTest, SameMeaningChangesNothing) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  const auto before = agent->pipeline();
  EXPECT_EQ(reload("# a comment\n" + text + "a1.channels.c1.capacity = 100\n"),
            Outcome::kUnchanged);
  EXPECT_EQ(agent->pipeline(), before);
  EXPECT_EQ(log.state().unchanged, 1U);
}

TEST_F(ReloadTest, ChangedSinkIsReplacedAndTheRestIsKept) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  const auto before = agent->pipeline();
  ASSERT_EQ(reload(text + "a1.sinks.k1.batchSize = 7\n"), Outcome::kApplied);
  const auto after = agent->pipeline();
  EXPECT_EQ(after->channels[0], before->channels[0]);
  EXPECT_EQ(after->sources[0], before->sources[0]);
  EXPECT_NE(after->sinks[0], before->sinks[0]);
  EXPECT_TRUE(agent->is_ready());
  EXPECT_THAT(log.state().last.changes, ElementsAre("sinks.k1: batchSize"));
}

TEST_F(ReloadTest, BadFileChangesNothingAndSaysWhereAndWhy) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  const auto before = agent->pipeline();
  EXPECT_EQ(reload(text + "a1.sinks.k1.batchSize = many\na1.channels.c1.capacty = 3\n"),
            Outcome::kRefused);
  EXPECT_EQ(agent->pipeline(), before);
  EXPECT_TRUE(agent->is_ready());
  const ReloadLog::State state = log.state();
  EXPECT_EQ(state.refused, 1U);
  ASSERT_EQ(state.last.problems.size(), 2U);
  EXPECT_THAT(to_string(state.last.problems[0]),
              HasSubstr(path() + ":11: a1.sinks.k1.batchSize: \"many\""));
  EXPECT_THAT(to_string(state.last.problems[1]), HasSubstr("did you mean"));
}

TEST_F(ReloadTest, WhatAComponentRefusesAcrossOptionsChangesNothingEither) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  const auto before = agent->pipeline();
  EXPECT_EQ(reload(text + "a1.channels.c1.byteCapacity = 1\n"), Outcome::kRefused);
  EXPECT_EQ(agent->pipeline(), before);
  std::filesystem::remove(path());
  EXPECT_EQ(reloader->reload(), Outcome::kRefused);
  EXPECT_EQ(agent->pipeline(), before);
}

TEST_F(ReloadTest, ConnectionOutlivesAChangeOfItsInterceptors) {
  const std::uint16_t port = test::free_port();
  const std::string chain =
      "a1.sources.r1.interceptors = i1\n"
      "a1.sources.r1.interceptors.i1.type = static\n"
      "a1.sources.r1.interceptors.i1.key = datacenter\n"
      "a1.sources.r1.interceptors.i1.value = ";
  const std::string text = with_port(kBase, port) + chain;
  start(text + "one\n");
  const auto before = agent->pipeline();
  test::TcpClient client(port);
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send("line\n"));
    ASSERT_EQ(reload(text + std::to_string(i) + "\n"), Outcome::kApplied);
  }
  EXPECT_EQ(client.receive(150), replaced(std::string(50, '.'), ".", "OK\n"));
  EXPECT_EQ(agent->pipeline()->sources[0], before->sources[0]);
  EXPECT_EQ(before->channels[0]->channel().counters().put_successes.value(), 50U);
  EXPECT_THAT(log.state().last.changes, ElementsAre("sources.r1: interceptors"));
}

TEST_F(ReloadTest, EventsOfAMemoryChannelMoveToTheOneThatTakesItsPlace) {
  const std::uint16_t port = test::free_port();
  std::string text = replaced(with_port(kBase, port), "a1.sinks = k1\n", "");
  text =
      replaced(replaced(text, "a1.sinks.k1.type = null\n", ""), "a1.sinks.k1.channel = c1\n", "");
  start(text);
  const auto former = agent->pipeline()->channels[0];
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("a\nb\nc\n"));
  ASSERT_EQ(client.receive(9), "OK\nOK\nOK\n");
  ASSERT_EQ(reload(text + "a1.channels.c1.capacity = 500\n"), Outcome::kApplied);
  const auto channel = agent->pipeline()->channels[0];
  ASSERT_NE(channel, former);
  EXPECT_EQ(channel->channel().size_events(), 3U);
  ASSERT_TRUE(client.send("d\n"));
  EXPECT_EQ(client.receive(3), "OK\n");
  EXPECT_EQ(channel->channel().size_events(), 4U);
}

/// The bodies in a channel, which is empty afterwards.
std::vector<std::string> taken_from(channel::Channel& channel) {
  std::vector<std::string> bodies;
  while (channel.size_events() > 0) {
    auto taken = channel.take(100, milliseconds(0));
    CHECK(taken.has_value());
    for (const auto& event : taken.value()->events()) bodies.emplace_back(event.body());
    CHECK(taken.value()->commit().has_value());
  }
  return bodies;
}

std::vector<std::string> numbers(std::initializer_list<int> counts) {
  std::vector<std::string> all;
  for (const int count : counts) {
    for (int n = 0; n < count; ++n) all.push_back(std::to_string(n));
  }
  return all;
}

TEST_F(ReloadTest, EventsThatMoveComeBeforeThoseOfANewSource) {
  const std::string text =
      "a1.sources = r1\na1.channels = c1\na1.sources.r1.type = seq\na1.sources.r1.channels = c1\n"
      "a1.sources.r1.batchSize = 100\na1.channels.c1.type = memory\n";
  start(text + "a1.channels.c1.capacity = 20000\na1.sources.r1.totalEvents = 10000\n");
  const auto former = agent->pipeline()->channels[0];
  ASSERT_TRUE(eventually([&] { return former->channel().size_events() == 10'000; }));
  ASSERT_EQ(reload(text + "a1.channels.c1.capacity = 30000\na1.sources.r1.totalEvents = 500\n"),
            Outcome::kApplied);
  channel::Channel& channel = agent->pipeline()->channels[0]->channel();
  ASSERT_TRUE(eventually([&] { return channel.size_events() == 10'500; }));
  EXPECT_EQ(taken_from(channel), numbers({10'000, 500}));
}

TEST_F(ReloadTest, DeadLettersMoveWithTheirChannelAndGoOn) {
  test::PostServer server;
  server.set_answer([](const test::Post&) { return 400; });
  const std::string text =
      "a1.sources = r1\na1.channels = c1 dead\na1.sinks = k1\na1.sources.r1.type = seq\n"
      "a1.sources.r1.channels = c1\na1.channels.c1.type = memory\na1.channels.dead.type = memory\n"
      "a1.sinks.k1.type = http\na1.sinks.k1.channel = c1\na1.sinks.k1.rollback.4XX = false\n"
      "a1.sinks.k1.backoff.4XX = false\na1.sinks.k1.deadLetter.channel = dead\n"
      "a1.sinks.k1.endpoint = " +
      server.url() + "\n";
  start(text + "a1.sources.r1.totalEvents = 50\n");
  const auto dead = [this]() -> channel::Channel& {
    return agent->pipeline()->channels[1]->channel();
  };
  channel::Channel* const former = &dead();
  const auto kept = agent->pipeline();  // `former` lives in it
  ASSERT_TRUE(eventually([&] { return former->size_events() == 50; }));
  ASSERT_EQ(reload(text + "a1.sources.r1.totalEvents = 30\na1.channels.dead.capacity = 1000\n"),
            Outcome::kApplied);
  ASSERT_NE(&dead(), former);
  ASSERT_TRUE(eventually([&] { return dead().size_events() == 80; }));
  // The sink does not wait for the move: what it refuses meanwhile may come before or between.
  EXPECT_THAT(taken_from(dead()), UnorderedElementsAreArray(numbers({50, 30})));
  EXPECT_EQ(server.posts().size(), 80U);
}

TEST_F(ReloadTest, FileChannelIsReopenedWithItsEventsUnderARunningSource) {
  const std::uint16_t port = test::free_port();
  std::string text = replaced(with_port(kBase, port), "a1.sinks = k1\n", "");
  text =
      replaced(replaced(text, "a1.sinks.k1.type = null\n", ""), "a1.sinks.k1.channel = c1\n", "");
  text = replaced(text, "c1.type = memory\n", "c1.type = file\n") +
         "a1.channels.c1.segmentSize = 4MiB\na1.channels.c1.minimumRequiredSpace = 0\n" +
         "a1.channels.c1.checkpointDir = " + dir.file("checkpoint") +
         "\na1.channels.c1.dataDirs = " + dir.file("data") + "\n";
  start(text);
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("a\nb\n"));
  ASSERT_EQ(client.receive(6), "OK\nOK\n");
  for (int capacity = 200'000; capacity < 200'003; ++capacity) {
    ASSERT_EQ(reload(text + "a1.channels.c1.capacity = " + std::to_string(capacity) + "\n"),
              Outcome::kApplied);
    ASSERT_TRUE(client.send("c\n"));
    ASSERT_EQ(client.receive(3), "OK\n");
  }
  EXPECT_EQ(agent->pipeline()->channels[0]->channel().size_events(), 5U);
}

TEST_F(ReloadTest, ChannelThatIsLeftOutIsDrainedByItsSinks) {
  const std::string text =
      "a1.sources = r1\na1.channels = c1\na1.sinks = k1\n"
      "a1.sources.r1.type = seq\na1.sources.r1.totalEvents = 1000\na1.sources.r1.channels = c1\n"
      "a1.channels.c1.type = memory\na1.channels.c1.capacity = 10000\n"
      "a1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n";
  start(text);
  const auto before = agent->pipeline();
  ASSERT_TRUE(eventually(
      [&] { return before->channels[0]->channel().counters().put_successes.value() == 1000; }));
  ASSERT_EQ(reload(replaced(text, "c1", "c2")), Outcome::kApplied);
  EXPECT_EQ(before->sinks[0]->sink->counters().drain_successes.value(), 1000U);
  EXPECT_EQ(agent->pipeline()->channels[0]->name(), "c2");
}

TEST_F(ReloadTest, FileReplacedByRenameIsFoundByThePoll) {
  const std::string text = with_port(kBase, test::free_port());
  start(text, milliseconds(5));
  reloader->start();
  dir.write("next", text + "a1.sinks.k1.batchSize = 9\n");
  std::filesystem::rename(dir.file("next"), path());
  EXPECT_TRUE(eventually([&] { return log.state().applied == 1; }));
  // A good file after a bad one is taken, too.
  write("nonsense\n");
  EXPECT_TRUE(eventually([&] { return log.state().refused >= 1; }));
  dir.write("next", text);
  std::filesystem::rename(dir.file("next"), path());
  EXPECT_TRUE(eventually([&] { return log.state().applied == 2; }));
}

TEST_F(ReloadTest, StormOfRequestsIsServedByFewReloads) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  reloader->start();
  write(text + "a1.sinks.k1.batchSize = 9\n");
  for (int i = 0; i < 10'000; ++i) reloader->request();
  EXPECT_TRUE(eventually([&] { return log.state().applied == 1; }));
  reloader->stop();
  EXPECT_LT(log.state().unchanged, 10'000U);
  EXPECT_TRUE(agent->is_ready());
}

TEST_F(ReloadTest, ComponentThatDoesNotStartAfterAReloadIsRetriedAndShown) {
  const std::uint16_t first = test::free_port();
  start(with_port(kBase, first));
  auto occupant = std::make_unique<test::OccupiedPort>();
  ASSERT_EQ(reload(with_port(kBase, occupant->port())), Outcome::kApplied);
  const auto source_status = [this] { return agent->status().back(); };
  EXPECT_EQ(source_status().state, ComponentState::kRetrying);
  EXPECT_THAT(source_status().last_error, testing::Not(IsEmpty()));
  occupant.reset();
  EXPECT_TRUE(eventually([&] { return agent->is_ready(); }));
}

TEST_F(ReloadTest, StopDuringReloadsEndsBoth) {
  const std::string text = with_port(kBase, test::free_port());
  start(text);
  reloader->start();
  for (int i = 1; i < 20; ++i) {
    write(text + "a1.sinks.k1.batchSize = " + std::to_string(i) + "\n");
    reloader->request();
  }
  agent->stop(milliseconds(100));
  EXPECT_EQ(reload(text + "a1.sinks.k1.batchSize = 77\n"), Outcome::kUnchanged);
}

// ---- any sequence of configurations

struct RandomConfig {
  std::string text;

  void add(const std::string& line) { text += "a1." + line + "\n"; }
};

std::vector<std::string> some_of(Random& random, const std::string& prefix, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i <= count; ++i) {
    if (!random.one_in(3)) names.push_back(prefix + std::to_string(i));
  }
  if (names.empty()) names.push_back(prefix + "1");
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + " ";
  return text;
}

std::string any_config(Random& random) {
  RandomConfig config;
  const auto channels = some_of(random, "c", 3);
  const auto sinks = some_of(random, "k", 4);
  const auto sources = some_of(random, "r", 3);
  const auto any_channel = [&] { return channels[random.below(channels.size())]; };
  config.add("channels = " + joined(channels));
  config.add("sinks = " + joined(sinks));
  config.add("sources = " + joined(sources));
  for (const std::string& name : channels) {
    config.add("channels." + name + ".type = memory");
    config.add("channels." + name + ".capacity = " + std::to_string(1000 + random.below(2)));
  }
  for (const std::string& name : sinks) {
    config.add("sinks." + name + ".type = null");
    config.add("sinks." + name + ".channel = " + any_channel());
    config.add("sinks." + name + ".batchSize = " + std::to_string(1 + random.below(2)));
  }
  if (sinks.size() >= 2 && random.one_in(2)) {
    config.add("sinkgroups = g");
    config.add("sinkgroups.g.sinks = " + sinks[0] + " " + sinks[1]);
    config.add("sinkgroups.g.processor.type = load_balance");
  }
  for (const std::string& name : sources) {
    config.add("sources." + name + ".type = seq");
    config.add("sources." + name + ".totalEvents = " + std::to_string(50 + random.below(2)));
    config.add("sources." + name +
               ".channels = " + (random.one_in(2) ? any_channel() : joined(channels)));
    if (random.one_in(2)) {
      config.add("sources." + name + ".interceptors = i");
      config.add("sources." + name + ".interceptors.i.type = static");
      config.add("sources." + name + ".interceptors.i.value = " + std::to_string(random.below(3)));
    }
  }
  return config.text;
}

/// Everything that can be seen from outside of what a pipeline is made of.
std::vector<std::string> signature(const Pipeline& pipeline) {
  std::vector<std::string> lines;
  for (const auto& live : pipeline.channels) {
    lines.push_back("channel " + live->name() + " " + live->type() + " " +
                    std::to_string(live->channel().capacity_events()));
  }
  for (const auto& unit : pipeline.sinks) {
    lines.push_back("sink " + unit->label.name + " " + unit->label.type + " <- " +
                    unit->channel->name() + " " + std::to_string(unit->sink->batch_size()));
  }
  for (const auto& group : pipeline.groups) {
    std::string line = "group " + group->label.name + " " + group->label.type + ":";
    for (const auto& unit : group->sinks) line += " " + unit->label.name;
    lines.push_back(line);
  }
  for (const auto& unit : pipeline.sources) {
    std::string line = "source " + unit->label.name + " " + unit->label.type + " ->";
    for (const auto& channel : unit->channels) line += " " + channel->name();
    for (const auto& channel : unit->required_channels) line += " !" + channel->name();
    if (unit->processor->interceptors() != nullptr) line += " intercepted";
    lines.push_back(line);
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// Does everything refer to what is in this pipeline, and not to what was in a former one?
void expect_closed(const Pipeline& pipeline) {
  const auto has = [&pipeline](const std::shared_ptr<LiveChannel>& channel) {
    return std::find(pipeline.channels.begin(), pipeline.channels.end(), channel) !=
           pipeline.channels.end();
  };
  for (const auto& unit : pipeline.sinks) EXPECT_TRUE(has(unit->channel));
  for (const auto& unit : pipeline.sources) {
    for (const auto& channel : unit->channels) EXPECT_TRUE(has(channel));
    for (const auto& channel : unit->required_channels) EXPECT_TRUE(has(channel));
  }
  for (const auto& group : pipeline.groups) {
    for (const auto& unit : group->sinks) EXPECT_THAT(pipeline.sinks, Contains(unit));
  }
}

TEST_F(ReloadTest, AnySequenceOfConfigurationsEndsWhereAFreshStartWould) {
  for (const std::uint64_t seed : test::seeds(3)) {
    SCOPED_TRACE(test::replay_hint(seed));
    Random random(seed);
    start(any_config(random));
    for (int round = 0; round < 10; ++round) {
      const std::string text = any_config(random);
      ASSERT_NE(reload(text), Outcome::kRefused) << text;
      const LoadedAgent loaded = load();
      const BuiltPipeline fresh = build_pipeline(loaded.agent, clock);
      const auto running = agent->pipeline();
      EXPECT_EQ(signature(*running), signature(fresh.pipeline)) << text;
      expect_closed(*running);
      EXPECT_TRUE(agent->is_ready()) << text;
      EXPECT_EQ(agent->status().size(),
                running->channels.size() + running->sinks.size() + running->sources.size());
    }
    TearDown();
    agent.reset();
  }
}

}  // namespace
}  // namespace spillway::agent
