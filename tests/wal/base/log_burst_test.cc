// A burst of one id is cut at five lines per window, and the next line says how many were held
// back.
#include "wal/base/log_burst.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace spillway {
namespace {

TEST(LogBurstTest, CutsABurstAndReportsItInTheNextWindow) {
  LogBurst burst;
  const std::uint64_t start_ns = 123;
  for (std::uint64_t i = 0; i < LogBurst::kLinesMax; ++i) {
    EXPECT_TRUE(burst.admit("a.b", start_ns + i).is_admitted);
  }
  for (int i = 0; i < 7; ++i) EXPECT_FALSE(burst.admit("a.b", start_ns + 100).is_admitted);

  EXPECT_FALSE(burst.admit("a.b", start_ns + LogBurst::kWindowNs - 1).is_admitted);
  const LogBurst::Admission next = burst.admit("a.b", start_ns + LogBurst::kWindowNs);
  EXPECT_TRUE(next.is_admitted);
  EXPECT_EQ(next.suppressed, 8U);
  EXPECT_EQ(burst.admit("a.b", start_ns + LogBurst::kWindowNs + 1).suppressed, 0U);
}

TEST(LogBurstTest, IdsDoNotDisturbEachOther) {
  LogBurst burst;
  for (int i = 0; i < 100; ++i) static_cast<void>(burst.admit("a.noisy", 1));
  EXPECT_TRUE(burst.admit("a.quiet", 1).is_admitted);
  EXPECT_EQ(burst.admit("a.quiet", 2).suppressed, 0U);
}

TEST(LogBurstTest, WindowStartsWithItsFirstLineNotAtTheEndOfTheLast) {
  LogBurst burst;
  const std::uint64_t late_ns = 5 * LogBurst::kWindowNs;
  static_cast<void>(burst.admit("a.b", 0));
  for (std::uint64_t i = 0; i < LogBurst::kLinesMax; ++i) {
    EXPECT_TRUE(burst.admit("a.b", late_ns + i).is_admitted);
  }
  EXPECT_FALSE(burst.admit("a.b", late_ns + LogBurst::kWindowNs - 1).is_admitted);
}

}  // namespace
}  // namespace spillway
