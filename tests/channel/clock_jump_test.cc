// Nothing durable depends on the wall clock: however it jumps between two starts or while the
// channel runs, contents, order and space are the same.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"

namespace spillway::channel {
namespace {

using test::batch_of;

constexpr std::int64_t kYearMs = 365LL * 24 * 3600 * 1000;

class ClockJumpTest : public testing::Test {
 protected:
  void open(bool is_after_crash) {
    if (is_after_crash) {
      auto after = disk_->crash_image({.name = "none", .fates = {}});
      channel_->stop();
      channel_ = nullptr;
      disk_ = std::move(after);
    }
    if (channel_ != nullptr) channel_->stop();
    auto options = test::small_file_channel("/c1", {.capacity_events = 10'000});
    options.log.slot_bytes = 64 * kKiB;
    options.log.block_bytes_max = 16 * kKiB;
    options.log.background = wal::Background::kNone;
    channel_ = std::make_unique<FileChannel>(std::move(options), *disk_, clock_);
    const auto started = channel_->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
    EXPECT_EQ(channel_->size_events(), put_count_ - taken_count_);
  }

  void put(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::string body = std::to_string(put_count_++) + " ";
      body.resize(3000, '.');
      ASSERT_TRUE(channel_->put(batch_of({body})).has_value());
    }
  }
  void take(std::size_t count) {
    for (const std::string& body : test::take_and_commit(*channel_, count)) {
      EXPECT_EQ(std::stoul(body), taken_count_++);
    }
    ASSERT_TRUE(channel_->checkpoint().has_value());
  }

  test::FakeClock clock_;
  std::unique_ptr<test::SimDisk> disk_ = std::make_unique<test::SimDisk>();
  std::unique_ptr<FileChannel> channel_;
  std::size_t put_count_ = 0;
  std::size_t taken_count_ = 0;
};

TEST_F(ClockJumpTest, ContentsAndOrderStayTheSame) {
  open(false);
  put(30);
  const std::vector<std::int64_t> times{test::FakeClock::kStartWallMs - 20 * kYearMs,
                                        test::FakeClock::kStartWallMs + 50 * kYearMs,
                                        0,
                                        -kYearMs,
                                        4'000 * kYearMs,
                                        test::FakeClock::kStartWallMs};
  for (const std::int64_t time : times) {
    for (const bool is_after_crash : {false, true}) {
      SCOPED_TRACE("wall time " + std::to_string(time) + (is_after_crash ? ", crash" : ", stop"));
      clock_.set_wall_ms(time);
      open(is_after_crash);
      put(20);
      clock_.set_wall_ms(time / 2);
      put(20);
      take(40);
      EXPECT_GE(test::RecordedMetrics(*channel_).gauges.at("oldest_event_age_ns"), 0.0);
    }
  }
  const auto metrics = test::RecordedMetrics(*channel_);
  EXPECT_LE(metrics.gauges.at("slot_files"), 12.0) << "space comes back whatever time it is";
  EXPECT_EQ(metrics.counters.at("lost_events_total"), 0U);
  take(30);
  EXPECT_EQ(taken_count_, put_count_);
}

}  // namespace
}  // namespace spillway::channel
