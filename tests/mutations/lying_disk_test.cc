// The oracle of the crash tests can fail: an engine that skips one step of what makes it durable
// breaks its promise in some crash, and the same engine that skips nothing does not.

#include "tests/mutations/lying_disk.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/crash/channel_run.h"
#include "tests/support/crash_sweep.h"
#include "tests/support/events.h"
#include "wal/base/log.h"

namespace spillway::test {
namespace {

// What is wrong with `image`, opened by an engine that tells the truth; empty: nothing.
std::string wrong_with(SimDisk& image, const Promise& promise) {
  FakeClock clock;
  channel::FileChannel channel(crash_options(), image, clock);
  const auto started = channel.start();
  if (!started.has_value()) return "cannot start: " + to_string(started.error());
  std::vector<std::string> bodies;
  std::vector<std::unique_ptr<channel::TakeTransaction>> open;
  while (true) {
    auto taken = channel.take(channel.transaction_capacity(), std::chrono::milliseconds(0));
    if (!taken.has_value() || taken.value()->events().empty()) break;
    for (std::string& body : bodies_of(taken.value()->events())) bodies.push_back(std::move(body));
    open.push_back(std::move(taken.value()));
  }
  return broken_promise(promise, bodies);
}

// A sample of the calls is enough to notice a lie.
constexpr std::uint64_t kStep = 3;

struct Count {
  std::uint64_t images = 0;
  std::uint64_t broken = 0;
  std::string first{};

  void note(const std::string& wrong) {
    ++images;
    if (wrong.empty()) return;
    if (broken++ == 0) first = wrong;
  }
};

void work(ChannelRun& run) {
  run.start();
  run.put(2);
  run.put(2, 300);
  run.take_and_commit(1);
  run.checkpoint();
  for (int i = 0; i < 6; ++i) run.put(2);  // into the second segment
  run.put(1);
}

// Power loss at every call.
Count count_crashes(Lie lie) {
  Count count;
  const SweepOptions options{
      .disk = {.seed = 1}, .call_step = kCallStep * kStep, .random_survivors = 2};
  sweep_crashes(
      options,
      [lie](SimDisk& disk) {
        LyingDisk files(disk, lie);
        ChannelRun run(disk, files);
        work(run);
        return run.promise();
      },
      [&count](SimDisk& image, const Promise& promise) { count.note(wrong_with(image, promise)); });
  return count;
}

// An error of every call, and then power loss: nothing survives that was not durable.
Count count_errors(Lie lie) {
  Count count;
  const std::vector<Error> errors{{.code = Errc::kIo, .os_error = EIO, .what = "injected"}};
  sweep_errors(
      {.disk = {.seed = 1}}, errors,
      [lie](SimDisk& disk) {
        LyingDisk files(disk, lie);
        ChannelRun run(disk, files);
        work(run);
        return run.promise();
      },
      [&count](SimDisk& disk, const Promise& promise) {
        const auto image = disk.crash_image({.name = "none", .fates = {}});
        count.note(wrong_with(*image, promise));
      });
  return count;
}

class LyingDiskTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  static void expect_noticed(Lie lie, const Count& count) {
    fmt::print(stderr, "{}: {} of {} images break the promise\n", lie_name(lie), count.broken,
               count.images);
    EXPECT_GT(count.images, 20U);
    EXPECT_GT(count.broken, 0U) << lie_name(lie) << " goes unnoticed";
  }
};

TEST_F(LyingDiskTest, TheTruthKeepsEveryPromise) {
  const Count crashes = count_crashes(Lie::kNone);
  EXPECT_EQ(crashes.broken, 0U) << crashes.first;
  EXPECT_GT(crashes.images, 100U);
}

TEST_F(LyingDiskTest, SkippedFlushIsNoticed) {
  expect_noticed(Lie::kSkipFlush, count_crashes(Lie::kSkipFlush));
}

TEST_F(LyingDiskTest, SkippedDirectorySyncIsNoticed) {
  expect_noticed(Lie::kSkipDirectorySync, count_crashes(Lie::kSkipDirectorySync));
}

TEST_F(LyingDiskTest, HiddenShortWriteIsNoticed) {
  expect_noticed(Lie::kHideShortWrite, count_crashes(Lie::kHideShortWrite));
}

TEST_F(LyingDiskTest, HiddenWriteErrorIsNoticed) {
  expect_noticed(Lie::kHideWriteError, count_errors(Lie::kHideWriteError));
}

TEST_F(LyingDiskTest, RepeatedSyncThatIsBelievedIsNoticed) {
  expect_noticed(Lie::kRetrySync, count_errors(Lie::kRetrySync));
}

TEST_F(LyingDiskTest, ErrorsKeepEveryPromiseOfTheTruth) {
  const Count errors = count_errors(Lie::kNone);
  EXPECT_EQ(errors.broken, 0U) << errors.first;
  EXPECT_GT(errors.images, 20U);
}

}  // namespace
}  // namespace spillway::test
