// What every registered component keeps, whoever wrote it: it can be made from its documented
// options, started and stopped in any order the supervisor may choose, and leaves no thread behind.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/free_port.h"
#include "tests/support/new_threads.h"
#include "tests/support/post_server.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using Values = std::map<std::string, std::string>;

// Options without a usable default, for any component that has them.
Values usable_values(const std::filesystem::path& dir) {
  const std::string port = std::to_string(test::free_port());
  return {{"bind", "127.0.0.1"},
          {"host", "127.0.0.1"},
          {"port", port},
          {"ports", port},
          {"command", "cat /dev/null"},
          {"endpoint", "http://127.0.0.1:" + port + "/"},
          {"sink.directory", dir.string()},
          {"spoolDir", dir.string()},
          {"filegroups", "f1"},
          {"filegroups.f1", (dir / "in.*").string()},
          {"positionFile", (dir / "positions.json").string()},
          {"checkpointDir", (dir / "checkpoint").string()},
          {"dataDirs", (dir / "data").string()}};
}

// The same, so that start() fails in each component that needs anything from outside.
Values unusable_values(const std::filesystem::path& dir, const test::OccupiedPort& occupied) {
  std::ofstream(dir / "file") << "in the way of a directory";
  const std::string below_file = (dir / "file" / "below").string();
  Values values = usable_values(dir);
  values["port"] = values["ports"] = std::to_string(occupied.port());
  values["command"] = "/nonexistent/command";
  values["sink.directory"] = values["spoolDir"] = below_file;
  values["positionFile"] = below_file;
  values["checkpointDir"] = values["dataDirs"] = below_file;
  return values;
}

// Everything of a component that is the same for the three kinds.
struct Instance {
  std::function<Result<void>()> start;
  std::function<void()> stop;
  std::shared_ptr<void> owner;
};

struct Kind {
  std::string name;
  std::span<const OptionSpec> options;
  std::function<Result<Instance>(const Config&, EventReceiver&, const Clock&)> create;
};

template <class Component>
Instance instance_of(std::unique_ptr<Component> component) {
  const std::shared_ptr<Component> shared = std::move(component);
  return {.start = [shared] { return shared->start(); },
          .stop = [shared] { shared->stop(); },
          .owner = shared};
}

std::vector<Kind> all_kinds() {
  std::vector<Kind> kinds;
  for (const SourceType* type : source_types()) {
    kinds.push_back({"source_" + std::string(type->name), type->options,
                     [type](const Config& config, EventReceiver& receiver,
                            const Clock& clock) -> Result<Instance> {
                       TRY_ASSIGN(auto source,
                                  type->create({.name = "r1", .clock = &clock}, config, receiver));
                       return instance_of(std::move(source));
                     }});
  }
  for (const SinkType* type : sink_types()) {
    kinds.push_back(
        {"sink_" + std::string(type->name), type->options,
         [type](const Config& config, EventReceiver&, const Clock& clock) -> Result<Instance> {
           TRY_ASSIGN(auto sink, type->create({.name = "k1", .clock = &clock}, config));
           return instance_of(std::move(sink));
         }});
  }
  for (const ChannelType* type : channel_types()) {
    kinds.push_back(
        {"channel_" + std::string(type->name), type->options,
         [type](const Config& config, EventReceiver&, const Clock& clock) -> Result<Instance> {
           TRY_ASSIGN(auto channel, type->create({.name = "c1", .clock = &clock}, config));
           return instance_of(std::move(channel));
         }});
  }
  return kinds;
}

bool has_option(std::span<const OptionSpec> options, const std::string& name) {
  return find_option(options, name) != nullptr;
}

/// Of `values`, those the component knows, as a configuration file would give them.
Config::Values given_to(std::span<const OptionSpec> options, const Values& values) {
  Config::Values given;
  for (const auto& [name, text] : values) {
    if (has_option(options, name)) given[name] = {.text = text, .origin = {"test.conf", 1}};
  }
  return given;
}

struct ComponentContractTest : testing::TestWithParam<Kind> {
  Config config_of(const Values& values) {
    std::vector<ConfigProblem> problems;
    Config config = Config::validate(GetParam().options, given_to(GetParam().options, values),
                                     "a1.test.", {"test.conf", 1}, problems);
    for (const ConfigProblem& problem : problems) {
      if (!problem.is_notice) ADD_FAILURE() << to_string(problem);
    }
    return config;
  }
  Instance create(const Values& values) {
    auto created = GetParam().create(config_of(values), receiver, clock);
    CHECK(created.has_value());
    return std::move(created.value());
  }

  SystemClock clock;
  test::TempDir dir;
  test::RecordingReceiver receiver;
};

TEST_P(ComponentContractTest, RequiredOptionsAreEnough) {
  const auto created = GetParam().create(config_of(usable_values(dir.path())), receiver, clock);
  EXPECT_TRUE(created.has_value()) << to_string(created.error());
}

TEST_P(ComponentContractTest, UnknownOptionIsRefused) {
  auto given = given_to(GetParam().options, usable_values(dir.path()));
  given["noSuchOption"] = {.text = "1", .origin = {"test.conf", 7}};
  std::vector<ConfigProblem> problems;
  static_cast<void>(Config::validate(GetParam().options, std::move(given), "a1.test.",
                                     {"test.conf", 1}, problems));
  ASSERT_TRUE(has_errors(problems));
  EXPECT_EQ(problems.front().key, "a1.test.noSuchOption");
}

TEST_P(ComponentContractTest, StopWithoutStart) {
  const Instance component = create(usable_values(dir.path()));
  component.stop();
  component.stop();
}

TEST_P(ComponentContractTest, StartsAndStopsTwiceWithoutLeavingAThread) {
  const test::NewThreads threads;
  const Instance component = create(usable_values(dir.path()));
  const auto started = component.start();
  EXPECT_TRUE(started.has_value()) << to_string(started.error());
  component.stop();
  EXPECT_EQ(threads.settled_count(), 0);
  component.stop();
}

TEST_P(ComponentContractTest, StopsAfterAStartThatFailed) {
  const test::NewThreads threads;
  const test::OccupiedPort occupied;
  const Instance component = create(unusable_values(dir.path(), occupied));
  static_cast<void>(component.start());
  static_cast<void>(component.start());
  component.stop();
  EXPECT_EQ(threads.settled_count(), 0);
  component.stop();
}

TEST_P(ComponentContractTest, NeedsNoStopToBeDestroyedUnstarted) {
  const test::NewThreads threads;
  { const Instance component = create(usable_values(dir.path())); }
  EXPECT_EQ(threads.settled_count(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, ComponentContractTest, testing::ValuesIn(all_kinds()),
                         [](const auto& instance) { return instance.param.name; });

struct SinkContractTest : testing::TestWithParam<const SinkType*> {
  SystemClock clock;
  test::TempDir dir;
};

TEST_P(SinkContractTest, TakesBatchesEmptyOnesAndTheSameOneAgain) {
  const SinkType& type = *GetParam();
  const test::PostServer server;
  Values usable = usable_values(dir.path());
  usable["endpoint"] = server.url();
  Values values;
  for (const auto& [name, text] : usable) {
    if (has_option(type.options, name)) values[name] = text;
  }
  const Config config = Config::of(type.options, values);
  auto created = type.create({.name = "k1", .clock = &clock}, config);
  ASSERT_TRUE(created.has_value());
  Sink& sink = *created.value();
  EXPECT_GE(sink.batch_size(), 1U);
  EXPECT_EQ(sink.batch_size(), type.batch_size(config));
  ASSERT_TRUE(sink.start().has_value());
  const auto batch = test::batch_of({"a", "", std::string_view("\0\xFF\n", 3)});
  const auto views = test::views_of(batch);
  EXPECT_TRUE(sink.deliver(views).has_value());
  EXPECT_TRUE(sink.deliver(views).has_value());  // a redelivery
  EXPECT_TRUE(sink.deliver({}).has_value());
  sink.stop();
}

INSTANTIATE_TEST_SUITE_P(All, SinkContractTest,
                         testing::ValuesIn(sink_types().begin(), sink_types().end()),
                         [](const auto& instance) { return std::string(instance.param->name); });

}  // namespace
}  // namespace spillway::agent
