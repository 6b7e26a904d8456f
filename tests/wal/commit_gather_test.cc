// A block waits for committers who come back, never for one who commits alone, and soon no longer
// for those who do not come.

#include "wal/commit_gather.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <utility>

#include "tests/support/fake_clock.h"

namespace spillway::wal {
namespace {

constexpr std::uint64_t kWriteNs = 60'000;

/// Time stands still, and something happens while it is read the next time.
class EventfulClock final : public Clock {
 public:
  [[nodiscard]] std::uint64_t monotonic_ns() const override {
    if (const auto happens = std::exchange(next_, nullptr)) happens();
    return 0;
  }
  [[nodiscard]] std::int64_t wall_ms() const override { return 0; }

  void happen_next(std::function<void()> event) { next_ = std::move(event); }

 private:
  mutable std::function<void()> next_;
};

struct CommitGatherTest : testing::Test {
  /// How many chances are let pass before the next wait.
  int count_skipped() {
    int skipped = 0;
    while (!gather.should_wait(kWriteNs)) ++skipped;
    return skipped;
  }

  test::FakeClock clock;
  CommitGather gather{clock};
};

TEST_F(CommitGatherTest, NobodyIsWaitedForWhoWasNotWoken) {
  EXPECT_FALSE(gather.should_wait(kWriteNs));
}

TEST_F(CommitGatherTest, LoneCommitterDoesNotWaitForHimself) {
  gather.note_woken(1);
  gather.note_commit();
  EXPECT_FALSE(gather.should_wait(kWriteNs));
}

TEST_F(CommitGatherTest, WaitEndsWhenTheWokenAreBack) {
  EventfulClock standing_clock;
  CommitGather standing{standing_clock};
  standing.note_woken(3);
  standing.note_commit();
  ASSERT_TRUE(standing.should_wait(kWriteNs));
  standing_clock.happen_next([&] {
    standing.note_commit();
    standing.note_commit();
  });
  standing.wait();
  standing.note_woken(3);
  EXPECT_TRUE(standing.should_wait(kWriteNs)) << "it was worth while";
}

TEST_F(CommitGatherTest, WaitEndsWithItsTime) {
  gather.note_woken(3);
  ASSERT_TRUE(gather.should_wait(kWriteNs));
  clock.advance(std::chrono::nanoseconds(kWriteNs / 2));
  gather.wait();
  EXPECT_FALSE(gather.should_wait(kWriteNs)) << "they are late";
}

TEST_F(CommitGatherTest, WaitingInVainIsTriedLessAndLess) {
  gather.note_woken(3);
  gather.note_commit();
  for (const int skipped : {0, 1, 3, 7, 15, 31, 63, 63}) {
    EXPECT_EQ(count_skipped(), skipped);
    gather.wait();
  }
  gather.note_woken(3);
  EXPECT_EQ(count_skipped(), 63);
  gather.note_commit();
  gather.note_commit();
  gather.wait();
  gather.note_woken(3);
  EXPECT_EQ(count_skipped(), 0) << "two of three are enough";
}

TEST_F(CommitGatherTest, WaitIsShortBesideAWrite) {
  gather.note_woken(3);
  clock.advance(std::chrono::nanoseconds(kWriteNs / 2));
  EXPECT_FALSE(gather.should_wait(kWriteNs));
  EXPECT_TRUE(gather.should_wait(4 * kWriteNs));
  clock.advance(std::chrono::microseconds(20));
  EXPECT_FALSE(gather.should_wait(1'000'000'000)) << "50 us at most";
}

}  // namespace
}  // namespace spillway::wal
