// Samples beside a slow control are dropped, by the best control of the whole run, and the sampling
// ends when there are enough, too many were dropped, or time is up.
#include "bench/samples.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

PairedSample sample_of(std::uint64_t before_ns, std::uint64_t after_ns, double value) {
  return {.before = {.p50_ns = before_ns}, .after = {.p50_ns = after_ns}, .values = {value}};
}

TEST(SamplesTest, ASampleBesideASlowControlIsDropped) {
  const SampleSet set = accept(
      {sample_of(40, 80, 1), sample_of(40, 81, 2), sample_of(81, 40, 3), sample_of(80, 80, 4)});
  ASSERT_EQ(set.accepted.size(), 2U);
  EXPECT_EQ(set.accepted[0].values[0], 1);
  EXPECT_EQ(set.accepted[1].values[0], 4);
  EXPECT_EQ(set.dropped, 2U);
}

TEST(SamplesTest, AnEarlierAndBetterControlCountsToo) {
  EXPECT_EQ(accept({sample_of(80, 80, 1)}, 40).dropped, 0U);
  EXPECT_EQ(accept({sample_of(80, 80, 1)}, 39).dropped, 1U);
}

TEST(SamplesTest, TheMedianOfAnEvenCountIsBetweenTheMiddleOnes) {
  const Summary summary = summarize({4, 1, 3, 2}, 5);
  EXPECT_DOUBLE_EQ(summary.median, 2.5);
  EXPECT_DOUBLE_EQ(summary.min, 1);
  EXPECT_DOUBLE_EQ(summary.max, 4);
  EXPECT_EQ(summary.accepted, 4U);
  EXPECT_EQ(summary.dropped, 5U);
}

TEST(SamplesTest, NothingAcceptedIsNoMedian) {
  const Summary summary = summarize(SampleSet{.accepted = {}, .dropped = 3}, 0);
  EXPECT_EQ(summary.accepted, 0U);
  EXPECT_EQ(summary.dropped, 3U);
}

// A device on the real file system with a clock that each write moves.
class SamplingTest : public testing::Test {
 protected:
  // Moves at every look: time passes in the control.
  class TickingClock final : public Clock {
   public:
    [[nodiscard]] std::uint64_t monotonic_ns() const override { return now_ns += step_ns; }
    [[nodiscard]] std::int64_t wall_ms() const override { return 0; }

    mutable std::uint64_t now_ns = 0;
    std::uint64_t step_ns = 10'000'000;
  };

  void SetUp() override {
    auto opened = file_system_.open_directory(dir_.path().string(), io::FileSystem::Missing::kFail);
    ASSERT_TRUE(opened.has_value());
    directory_ = std::move(opened.value());
    auto device = DeviceControl::open(*directory_, clock_);
    ASSERT_TRUE(device.has_value());
    device_ = std::move(device.value());
  }

  test::TempDir dir_;
  io::PosixFileSystem file_system_;
  TickingClock clock_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<DeviceControl> device_;
};

TEST_F(SamplingTest, EnoughSamplesEndIt) {
  std::size_t calls = 0;
  const auto set = sample(*device_, {.wanted = 3}, [&](const ControlSample& before) {
    EXPECT_EQ(before.p50_ns, clock_.step_ns);
    ++calls;
    return Result<std::vector<double>>(std::vector<double>{1});
  });
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set.value().accepted.size(), 3U);
  EXPECT_EQ(set.value().dropped, 0U);
  EXPECT_EQ(calls, 3U);
}

TEST_F(SamplingTest, ADeviceThatTurnsSlowEndsItAfterThreeTimesAsMany) {
  const auto set = sample(*device_, {.wanted = 2}, [&](const ControlSample&) {
    clock_.step_ns = 30'000'000;
    return Result<std::vector<double>>(std::vector<double>{1});
  });
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set.value().accepted.size(), 0U);
  EXPECT_EQ(set.value().dropped, 6U);
}

TEST_F(SamplingTest, TimeThatIsUpEndsIt) {
  const auto set =
      sample(*device_, {.wanted = 50, .time_max_ns = 5'000'000'000}, [&](const ControlSample&) {
        clock_.now_ns += 2'000'000'000;
        return Result<std::vector<double>>(std::vector<double>{1});
      });
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set.value().accepted.size(), 3U);
}

TEST_F(SamplingTest, AnErrorOfTheMeasurementIsTheResult) {
  const auto set = sample(*device_, {.wanted = 2}, [&](const ControlSample&) {
    return Result<std::vector<double>>(Error{.code = Errc::kNoSpace});
  });
  EXPECT_EQ(set.error().code, Errc::kNoSpace);
}

}  // namespace
}  // namespace spillway::bench
