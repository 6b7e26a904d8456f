// What counts as flat: memory that swings with the backlog passes, memory and files that stay do
// not, and a run that is too short is no verdict.
#include "bench/soak_verdict.h"

#include <gtest/gtest.h>

namespace spillway::bench {
namespace {

constexpr double kMebi = static_cast<double>(kMiB);

// Cycles of ten samples; memory and files rise with the backlog, and leak.
std::vector<SoakSample> sawtooth(std::size_t cycles, double swing_mib, double leak_mib,
                                 double leaked_files) {
  std::vector<SoakSample> samples;
  for (std::size_t i = 0; i < 10 * cycles; ++i) {
    const double phase = static_cast<double>(i % 10) / 9;
    const auto cycle = static_cast<double>(i) / 10;
    samples.push_back({.seconds = static_cast<double>(i),
                       .cycles = i / 10,
                       .backlog_bytes = phase * 1000,
                       .resident_bytes = (100 + swing_mib * phase + leak_mib * cycle) * kMebi,
                       .open_files = 20 + 16 * phase + leaked_files * cycle});
  }
  return samples;
}

TEST(SoakVerdictTest, SwingsThatComeBackAreFlat) {
  const SoakVerdict verdict = judge_soak(sawtooth(10, 90, 0, 0));
  EXPECT_TRUE(verdict.is_kept());
  EXPECT_EQ(verdict.cycles, 8U);  // the first is warm-up, the last has not ended
  EXPECT_DOUBLE_EQ(verdict.backlog_bytes_max, 1000);
  EXPECT_DOUBLE_EQ(verdict.resident_bytes.spread(), 90 * kMebi);
  EXPECT_DOUBLE_EQ(verdict.resident_bytes.drift, 0);
  EXPECT_DOUBLE_EQ(verdict.open_files.spread(), 16);
}

TEST(SoakVerdictTest, WhatTheFirstCycleAddsIsWarmUp) {
  std::vector<SoakSample> samples = sawtooth(10, 60, 0, 0);
  for (std::size_t i = 0; i < 10; ++i) samples[i].resident_bytes = 1 * kMebi;
  EXPECT_TRUE(judge_soak(samples).is_kept());
}

TEST(SoakVerdictTest, OneCycleThatNeedsMuchMoreIsDrift) {
  std::vector<SoakSample> samples = sawtooth(10, 60, 0, 0);
  samples[65].resident_bytes += 100 * kMebi;
  const SoakVerdict verdict = judge_soak(samples);
  EXPECT_EQ(verdict.resident_bytes.verdict, Verdict::kMissed);
  EXPECT_EQ(verdict.open_files.verdict, Verdict::kMust);
  EXPECT_FALSE(verdict.is_kept());
}

TEST(SoakVerdictTest, MemoryThatGrowsAboveTheBoundIsNot) {
  const SoakVerdict verdict = judge_soak(sawtooth(30, 10, 3, 0));
  EXPECT_EQ(verdict.resident_bytes.verdict, Verdict::kMissed);
  EXPECT_GT(verdict.resident_bytes.growth, 50 * kMebi);
}

TEST(SoakVerdictTest, AFilePerCycleIsALeak) {
  const SoakVerdict verdict = judge_soak(sawtooth(10, 10, 0, 1));
  EXPECT_EQ(verdict.resident_bytes.verdict, Verdict::kMust);
  EXPECT_EQ(verdict.open_files.verdict, Verdict::kMissed);
  EXPECT_FALSE(verdict.is_kept());
}

TEST(SoakVerdictTest, TooShortIsNoVerdict) {
  for (const std::size_t cycles : {std::size_t{0}, std::size_t{1}, kSoakCyclesMin + 1}) {
    const SoakVerdict verdict = judge_soak(sawtooth(cycles, 10, 0, 0));
    EXPECT_EQ(verdict.resident_bytes.verdict, Verdict::kNotMeasured) << cycles;
    EXPECT_FALSE(verdict.is_kept());
  }
}

}  // namespace
}  // namespace spillway::bench
