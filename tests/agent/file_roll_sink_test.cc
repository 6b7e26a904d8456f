// A sink may be handed the same batch twice; what it must never do is merge two attempts, touch
// files that are not its own, or name files otherwise than Flume.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agent/avro_codec.h"
#include "agent/config.h"
#include "agent/file_compression.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FileRollSinkTest : testing::Test {
  std::unique_ptr<Sink> start(std::map<std::string, std::string> given = {}) {
    given.emplace("sink.directory", dir.path().string());
    auto sink =
        std::move(kFileRollSink.create(context, Config::of(kFileRollSink.options, given)).value());
    EXPECT_TRUE(sink->start().has_value());
    return sink;
  }

  static Result<void> deliver(Sink& sink, std::initializer_list<std::string_view> bodies) {
    const auto batch = test::batch_of(bodies);
    return sink.deliver(test::views_of(batch));
  }

  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  test::TempDir dir;
  test::FakeClock clock;
  ComponentContext context{.name = "k1", .clock = &clock};
  const std::string first = std::to_string(test::FakeClock::kStartWallMs) + "-1";
  const std::string second = std::to_string(test::FakeClock::kStartWallMs) + "-2";
};

TEST_F(FileRollSinkTest, RollsByTimeAndCreatesAnEmptyFilePerIntervalAsFlumeDoes) {
  const auto sink = start();
  ASSERT_TRUE(deliver(*sink, {"one", "two"}).has_value());
  clock.advance(milliseconds(29'999));
  ASSERT_TRUE(deliver(*sink, {"three"}).has_value());
  EXPECT_EQ(files(), (std::vector<std::string>{first}));
  clock.advance(milliseconds(1));
  ASSERT_TRUE(deliver(*sink, {}).has_value());
  sink->stop();
  EXPECT_EQ(files(), (std::vector<std::string>{first, second}));
  EXPECT_EQ(dir.read(first), "one\ntwo\nthree\n");
  EXPECT_EQ(dir.read(second), "");
}

TEST_F(FileRollSinkTest, SkipsEmptyFilesWhenAsked) {
  const auto sink = start({{"sink.skipEmptyFiles", "true"}});
  clock.advance(seconds(31));
  ASSERT_TRUE(deliver(*sink, {}).has_value());
  EXPECT_TRUE(files().empty());
  ASSERT_TRUE(deliver(*sink, {"late"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "late\n");
}

TEST_F(FileRollSinkTest, IntervalZeroKeepsOneFile) {
  const auto sink = start({{"sink.rollInterval", "0"}});
  ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
  clock.advance(seconds(1'000'000));
  ASSERT_TRUE(deliver(*sink, {"two"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "one\ntwo\n");
}

TEST_F(FileRollSinkTest, RollsBySizeBetweenBatches) {
  const auto sink = start({{"sink.rollSize", "6"}});
  ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
  ASSERT_TRUE(deliver(*sink, {"two"}).has_value());
  ASSERT_TRUE(deliver(*sink, {"three"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "one\ntwo\n");
  EXPECT_EQ(dir.read(second), "three\n");
}

TEST_F(FileRollSinkTest, PrefixAndExtensionSurroundTheName) {
  const auto sink =
      start({{"sink.pathManager.prefix", "app_"}, {"sink.pathManager.extension", "log"}});
  ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
  sink->stop();
  EXPECT_EQ(files(), (std::vector<std::string>{"app_" + first + ".log"}));
}

TEST_F(FileRollSinkTest, RolltimeNamesCarryLocalTimeAndCountWithinASecond) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  const auto sink = start({{"sink.pathManager", "RollTime"}, {"sink.rollSize", "1"}});
  ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
  ASSERT_TRUE(deliver(*sink, {"two"}).has_value());
  clock.advance(seconds(1));
  ASSERT_TRUE(deliver(*sink, {"three"}).has_value());
  sink->stop();
  EXPECT_EQ(files(),
            (std::vector<std::string>{"20231114221320-1", "20231114221320-2", "20231114221321-1"}));
}

TEST_F(FileRollSinkTest, NeverTouchesAFileThatIsThereAlready) {
  dir.write(first, "somebody else's");
  const auto sink = start();
  ASSERT_TRUE(deliver(*sink, {"mine"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "somebody else's");
  EXPECT_EQ(dir.read(second), "mine\n");
}

TEST_F(FileRollSinkTest, RetryAfterAFullDiskDoesNotFollowHalfALine) {
  const auto sink = start();
  ASSERT_TRUE(deliver(*sink, {"whole"}).has_value());
  {
    const test::FileSizeLimit limit(10);
    EXPECT_FALSE(deliver(*sink, {"retried", "batch"}).has_value());
    EXPECT_EQ(dir.read(first), "whole\n");
  }
  ASSERT_TRUE(deliver(*sink, {"retried", "batch"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "whole\nretried\nbatch\n");
}

TEST_F(FileRollSinkTest, SyncedBatchesAreDelivered) {
  const auto sink = start({{"sink.sync", "batch"}, {"sink.serializer", "HEADER_AND_TEXT"}});
  ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
  sink->stop();
  EXPECT_EQ(dir.read(first), "{} one\n");
}

TEST_F(FileRollSinkTest, MissingDirectoryFailsStartAndMayAppearLater) {
  const std::string late = dir.file("late");
  const auto sink = std::move(
      kFileRollSink.create(context, Config::of(kFileRollSink.options, {{"sink.directory", late}}))
          .value());
  EXPECT_EQ(sink->start().error().code, Errc::kNotFound);
  std::filesystem::create_directory(late);
  EXPECT_TRUE(sink->start().has_value());
  sink->stop();
  sink->stop();
}

TEST_F(FileRollSinkTest, DirectoryThatDisappearsIsAnErrorNotACrash) {
  const auto sink = start();
  std::filesystem::remove_all(dir.path());
  EXPECT_EQ(deliver(*sink, {"one"}).error().code, Errc::kNotFound);
  std::filesystem::create_directory(dir.path());
  EXPECT_TRUE(deliver(*sink, {"one"}).has_value());
  sink->stop();
}

struct FileRollPathTest : FileRollSinkTest {
  // Header, value, body.
  struct Made {
    std::string key;
    std::string value;
    std::string body;
  };

  static Result<void> deliver_made(Sink& sink, const std::vector<Made>& events) {
    channel::EventBatch batch;
    for (const Made& event : events) {
      const std::vector<channel::HeaderView> headers{{.key = event.key, .value = event.value}};
      batch.add(headers, event.body);
    }
    return sink.deliver(test::views_of(batch));
  }

  // Every regular file below the directory: relative path without the name, and contents.
  [[nodiscard]] std::multimap<std::string, std::string> tree() const {
    std::multimap<std::string, std::string> tree;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
      if (!entry.is_regular_file()) continue;
      const auto relative = std::filesystem::relative(entry.path(), dir.path());
      tree.emplace(relative.parent_path().string(), dir.read(relative.string()));
    }
    return tree;
  }
  using Tree = std::multimap<std::string, std::string>;
};

TEST_F(FileRollPathTest, EachEventGoesToTheDirectoryItsPathSays) {
  const auto sink = start({{"sink.path", "%{category}/%Y-%m-%d"}, {"sink.timeZone", "utc"}});
  ASSERT_TRUE(deliver(*sink, {}).has_value());
  EXPECT_TRUE(tree().empty());
  ASSERT_TRUE(
      deliver_made(*sink,
                   {{"category", "web", "a"}, {"category", "app", "b"}, {"category", "web", "c"}})
          .has_value());
  EXPECT_EQ(tree(), (Tree{{"app/2023-11-14", "b\n"}, {"web/2023-11-14", "a\nc\n"}}));
  EXPECT_EQ(test::RecordedMetrics(*sink).counters["file_roll_missing_timestamps_total"], 3U);
  EXPECT_EQ(test::RecordedMetrics(*sink).gauges["file_roll_open_files"], 2);
  clock.advance(seconds(30));
  ASSERT_TRUE(deliver(*sink, {}).has_value());
  EXPECT_EQ(test::RecordedMetrics(*sink).gauges["file_roll_open_files"], 0);
  sink->stop();
}

TEST_F(FileRollPathTest, NothingAnEventSaysLeadsOutOfTheDirectory) {
  const test::TempDir outside;
  std::filesystem::create_directory(dir.path() / "in");
  std::filesystem::create_symlink(outside.path(), dir.path() / "in" / "link");
  const auto sink = start({{"sink.path", "in/%{h}"}});
  ASSERT_TRUE(deliver_made(*sink, {{"h", "..", "1"},
                                   {"h", "../../x", "2"},
                                   {"h", "/etc/x", "3"},
                                   {"h", ".", "4"},
                                   {"h", "", "5"},
                                   {"h", std::string("n\0\n", 3), "6"},
                                   {"h", std::string(10'000, 'l'), "7"}})
                  .has_value());
  EXPECT_EQ(tree(), (Tree{{"in/_", "1\n"},
                          {"in/.._.._x", "2\n"},
                          {"in/_etc_x", "3\n"},
                          {"in/_", "4\n"},
                          {"in", "5\n"},
                          {"in/n__", "6\n"},
                          {"in/" + std::string(200, 'l'), "7\n"}}));
  EXPECT_FALSE(deliver_made(*sink, {{"h", "link", "8"}}).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(outside.path()));
  sink->stop();
}

TEST_F(FileRollPathTest, NoMoreFilesAreOpenThanAllowedNotEvenWithinABatch) {
  const auto sink = start({{"sink.path", "%{h}"}, {"sink.maxOpenFiles", "3"}});
  std::vector<Made> events;
  for (int i = 0; i < 20; ++i) events.push_back({"h", std::to_string(i), "x"});
  ASSERT_TRUE(deliver_made(*sink, events).has_value());
  EXPECT_EQ(test::RecordedMetrics(*sink).gauges["file_roll_open_files"], 3);
  ASSERT_TRUE(deliver_made(*sink, {{"h", "0", "again"}}).has_value());
  sink->stop();
  EXPECT_EQ(tree().size(), 21U);
  EXPECT_EQ(tree().count("0"), 2U);
  EXPECT_EQ(sink->counters().connections_created.value(), 21U);
  EXPECT_EQ(sink->counters().connections_closed.value(), 21U);
}

TEST_F(FileRollPathTest, ABatchThatFailsInOneFileLeavesNothingInTheOthers) {
  const auto sink = start({{"sink.path", "%{h}"}});
  const std::string large(1'000, 'x');
  const std::vector<Made> events{{"h", "a", "small"}, {"h", "b", large}, {"h", "c", "small"}};
  {
    const test::FileSizeLimit limit(100);
    EXPECT_FALSE(deliver_made(*sink, events).has_value());
  }
  ASSERT_TRUE(deliver_made(*sink, events).has_value());
  sink->stop();
  EXPECT_EQ(tree(), (Tree{{"a", "small\n"}, {"b", large + "\n"}, {"c", "small\n"}}));
}

TEST_F(FileRollSinkTest, CompressedFilesAreReadByTheUsualTools) {
  const std::map<std::string, std::pair<std::string, std::string>> kinds{
      {"gzip", {".gz", "/usr/bin/gzip"}}, {"zstd", {".zst", "/usr/bin/zstd"}}};
  for (const auto& [name, kind] : kinds) {
    if (!FileCompression::named(name).has_value()) continue;  // not in this build
    const auto sink = start({{"sink.compression", name}, {"sink.pathManager.prefix", name}});
    ASSERT_TRUE(deliver(*sink, {"one"}).has_value());
    {
      const test::FileSizeLimit limit(
          std::filesystem::file_size(dir.file(name + first + kind.first)) + 5);
      EXPECT_FALSE(deliver(*sink, {"two"}).has_value());
    }
    ASSERT_TRUE(deliver(*sink, {"two"}).has_value());
    sink->stop();
    if (!std::filesystem::exists(kind.second)) continue;
    const auto read = test::run_program({kind.second, "-dc", dir.file(name + first + kind.first)});
    EXPECT_EQ(read.out, "one\ntwo\n") << read.err;
  }
}

TEST_F(FileRollSinkTest, AvroFilesAreReadByApacheAvro) {
  for (const std::string codec : {"null", "deflate", "snappy", "zstd"}) {
    if (!AvroCodec::named(codec).has_value()) continue;  // not in this build
    const auto sink = start({{"sink.serializer", "avro_event"},
                             {"sink.serializer.compressionCodec", codec},
                             {"sink.serializer.syncIntervalBytes", "64"},
                             {"sink.pathManager.prefix", codec},
                             {"sink.pathManager.extension", "avro"}});
    ASSERT_TRUE(deliver(*sink, {"one", std::string(100, 'x'), "two"}).has_value());
    const std::string name = codec + first + ".avro";
    {
      const test::FileSizeLimit limit(std::filesystem::file_size(dir.file(name)) + 5);
      EXPECT_FALSE(deliver(*sink, {"three"}).has_value());
    }
    channel::EventBatch batch;
    const std::vector<channel::HeaderView> headers{{.key = "k", .value = "v"}};
    batch.add(headers, "three");
    ASSERT_TRUE(sink->deliver(test::views_of(batch)).has_value());
    sink->stop();
    const auto read = test::run_program({"/usr/bin/python3", SPILLWAY_READ_AVRO, dir.file(name)});
    if (read.exit_code == 77) GTEST_SKIP() << "needs python3-avro";
    // Without python3-snappy or -zstandard it knows the others only.
    if (read.err.find("Unsupported codec") != std::string::npos) continue;
    EXPECT_EQ(read.exit_code, 0) << codec << read.err;
    EXPECT_EQ(std::count(read.out.begin(), read.out.end(), '\n'), 4) << codec;
    EXPECT_NE(read.out.find(R"({"headers": {"k": "v"}, "body": "dGhyZWU="})"), std::string::npos)
        << read.out;
  }
}

TEST_F(FileRollSinkTest, BadOptionsAreRefused) {
  const auto is_refused = [&](std::map<std::string, std::string> options) {
    options.emplace("sink.directory", dir.path().string());
    return !kFileRollSink.create(context, Config::of(kFileRollSink.options, options)).has_value();
  };
  EXPECT_FALSE(is_refused({}));
  EXPECT_TRUE(is_refused({{"sink.path", "%Q"}}));
  EXPECT_TRUE(is_refused({{"sink.path", "%{"}}));
  EXPECT_TRUE(is_refused({{"sink.path", "%[nosuch]"}}));
  EXPECT_TRUE(is_refused({{"sink.path", "100%"}}));
  EXPECT_TRUE(is_refused({{"sink.serializer", "avro_event"}, {"sink.compression", "gzip"}}));
}

}  // namespace
}  // namespace spillway::agent
