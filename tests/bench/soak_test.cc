// A soak lets the backlog grow and shrink, samples the process meanwhile, and takes every event.
#include "bench/soak.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

TEST(SoakTest, BacklogGrowsAndShrinksAndNothingIsMissing) {
  const test::TempDir dir;
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const SoakPlan plan{
      .channel = {.directory = dir.path().string(), .spare_slots = 1, .cache_bytes = 256 * kKiB},
      .duration_ns = 60'000'000'000,
      .sample_every_ns = 2'000'000,
      .put_bytes_per_second = 50'000'000,
      .backlog_bytes_max = 2 * kMiB};
  const auto soaked =
      run_soak(plan, file_system, clock, [](const SoakSample& now) { return now.cycles < 3; });
  ASSERT_TRUE(soaked.has_value()) << to_string(soaked.error());
  const SoakRun& run = soaked.value();
  EXPECT_GT(run.events_put, 3 * plan.backlog_bytes_max / plan.event_bytes);
  EXPECT_EQ(run.events_taken, run.events_put);
  EXPECT_GE(run.put_max_ns, run.put_p50_ns);
  ASSERT_FALSE(run.samples.empty());
  EXPECT_GE(run.samples.back().cycles, 3U);
  SoakSample before;
  for (const SoakSample& sample : run.samples) {
    EXPECT_GT(sample.seconds, before.seconds);
    EXPECT_GE(sample.cycles, before.cycles);
    EXPECT_GT(sample.resident_bytes, 0);
    EXPECT_GT(sample.open_files, 3);  // besides the standard ones, those of the channel
    before = sample;
  }
}

TEST(SoakTest, StartFailureIsReported) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  const SoakPlan plan{.channel = {.directory = "/proc/no-such-place"}};
  EXPECT_FALSE(run_soak(plan, file_system, clock, [](const SoakSample& /*now*/) {
                 return true;
               }).has_value());
}

}  // namespace
}  // namespace spillway::bench
