// A sink may be handed the same batch twice; what it must never do is merge two attempts, touch
// files that are not its own, or name files otherwise than Flume.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_size_limit.h"
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

}  // namespace
}  // namespace spillway::agent
