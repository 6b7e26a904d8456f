// Progress of a long command: a bar that is redrawn, or few lines, and never more often than said.
#include "agent/recover/progress.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "tests/support/fake_clock.h"

namespace spillway::agent::recover {
namespace {

using std::chrono::milliseconds;

class ProgressTest : public testing::Test {
 protected:
  /// What has been written so far.
  std::string text() {
    std::string all;
    std::rewind(stream_.get());
    for (int c = std::fgetc(stream_.get()); c != EOF; c = std::fgetc(stream_.get())) {
      all += static_cast<char>(c);
    }
    return all;
  }

  test::FakeClock clock_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_{std::tmpfile(), std::fclose};
};

TEST_F(ProgressTest, LinesComeOncePerSecondAndTenPercent) {
  Progress progress({stream_.get(), Progress::Style::kLines, "verify"}, 1'000'000, clock_);
  progress.add(500'000);  // too early
  EXPECT_EQ(text(), "");
  clock_.advance(milliseconds(1000));
  progress.add(100'000);
  EXPECT_EQ(text(), "verify:  60 %  585.9 KiB of 976.6 KiB  1 MB/s\n");
  clock_.advance(milliseconds(1000));
  progress.add(50'000);  // 65 %: not ten more
  clock_.advance(milliseconds(1000));
  progress.add(50'000);
  progress.add(300'000);  // not a second later
  progress.finish();
  EXPECT_EQ(text(),
            "verify:  60 %  585.9 KiB of 976.6 KiB  1 MB/s\n"
            "verify:  70 %  683.6 KiB of 976.6 KiB  0 MB/s\n");
}

TEST_F(ProgressTest, BarIsDrawnOverAndEndsWithItsLine) {
  Progress progress({stream_.get(), Progress::Style::kBar, "verify"}, 10'000'000, clock_);
  clock_.advance(milliseconds(200));
  progress.add(5'000'000);
  clock_.advance(milliseconds(100));
  progress.add(1'000'000);  // too early to draw
  clock_.advance(milliseconds(700));
  progress.add(4'000'000);
  progress.finish();
  EXPECT_EQ(text(),
            "\r[###############...............]  50 %  4.8 MiB of 9.5 MiB  25 MB/s\x1b[K"
            "\r[##############################] 100 %  9.5 MiB of 9.5 MiB  10 MB/s\x1b[K"
            "\r[##############################] 100 %  9.5 MiB of 9.5 MiB  10 MB/s\x1b[K\n");
}

TEST_F(ProgressTest, NothingIsWrittenWhenNotWanted) {
  Progress progress({stream_.get(), Progress::Style::kNone, "verify"}, 100, clock_);
  clock_.advance(milliseconds(5000));
  progress.add(100);
  progress.finish();
  EXPECT_EQ(text(), "");
  EXPECT_EQ(progress.done_bytes(), 100U);
}

}  // namespace
}  // namespace spillway::agent::recover
