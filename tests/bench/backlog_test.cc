// A killed child leaves its channel behind as a crash does, and every start finds all events.
#include "bench/backlog.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>

#include "bench/killed_child.h"
#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

TEST(KilledChildTest, NumbersAndErrorsComeBack) {
  const auto numbers = run_and_kill([](std::unique_ptr<BenchChannel>&) {
    return Result<std::vector<double>>(std::vector<double>{1.5, -2});
  });
  ASSERT_TRUE(numbers.has_value());
  EXPECT_EQ(numbers.value(), (std::vector<double>{1.5, -2}));
  const auto failed = run_and_kill([](std::unique_ptr<BenchChannel>&) {
    return Result<std::vector<double>>(Error{.code = Errc::kNoSpace, .what = "full"});
  });
  EXPECT_EQ(failed.error().code, Errc::kNoSpace);
  EXPECT_STREQ(failed.error().what, "full");
}

TEST(KilledChildTest, AChildThatEndsByItselfIsAnError) {
  const auto ended =
      run_and_kill([](std::unique_ptr<BenchChannel>&) -> Result<std::vector<double>> { _exit(0); });
  EXPECT_EQ(ended.error().code, Errc::kUnavailable);
}

TEST(BacklogTest, EveryStartFindsWhatTheKilledProcessesPut) {
  const test::TempDir dir;
  SystemClock clock;
  io::PosixFileSystem file_system;
  const BacklogPlace place{
      .directory = dir.file("channel"), .file_system = file_system, .clock = clock};
  const auto filled = fill_and_kill(place, 10'000);
  ASSERT_TRUE(filled.has_value()) << to_string(filled.error());
  const auto first = open_and_kill(place);
  ASSERT_TRUE(first.has_value()) << to_string(first.error());
  EXPECT_EQ(first.value().events, 10'000);
  const auto second = open_and_kill(place);
  ASSERT_TRUE(second.has_value()) << to_string(second.error());
  EXPECT_GT(second.value().events, 10'000);
  EXPECT_GT(second.value().tail_bytes, 0);
  EXPECT_GT(second.value().resident_bytes, 0);
}

}  // namespace
}  // namespace spillway::bench
