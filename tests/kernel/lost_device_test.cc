// A device that does not answer, cannot be read, or whose file system has become read-only: puts
// wait or are refused, nothing is lost or made up, and all goes on once the device is back.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/channel_life.h"
#include "tests/kernel/loop_disk.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/io/owned_fd.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

using channel::FileChannel;

class LostDeviceTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string reason = LoopDisk::why_not(format());
    if (!reason.empty()) GTEST_SKIP() << reason;
    set_log_level(LogLevel::kError);
    disk_ = std::make_unique<LoopDisk>(format(), 4096);
    ASSERT_EQ(disk_->mount(), 0);
    create();
    ASSERT_TRUE(channel_->start().has_value());
  }

  void TearDown() override {
    if (disk_ == nullptr) return;
    disk_->control().is_stalled = false;
    disk_->heal();
    channel_->stop();
  }

  static DiskFormat format() {
    DiskFormat format = small_format(GetParam());
    if (format.file_system == "ext4") format.mount_options = "errors=remount-ro";
    return format;
  }

  void create() {
    channel_ = std::make_unique<FileChannel>(life_options(disk_->path(), {.is_strict = false}),
                                             file_system_, clock_);
  }

  // Numbered, from 0.
  bool put() {
    std::string body = std::to_string(put_count_) + " ";
    body.resize(2000, '.');
    if (!channel_->put(batch_of({body})).has_value()) return false;
    ++put_count_;
    return true;
  }

  // Takes and commits all there is, or until that fails. What comes must follow what came.
  void drain() {
    while (true) {
      auto taken = channel_->take(10, std::chrono::milliseconds(0));
      if (!taken.has_value() || taken.value()->events().empty()) return;
      for (const std::string& body : bodies_of(taken.value()->events())) {
        EXPECT_EQ(std::stoul(body), next_taken_++);
      }
      EXPECT_TRUE(taken.value()->commit().has_value());
    }
  }

  // Number of the event that comes next; that of the next put when there is none.
  std::size_t oldest() {
    const auto taken = channel_->take(1, std::chrono::milliseconds(0));
    if (!taken.has_value() || taken.value()->events().empty()) return put_count_;
    return std::stoul(bodies_of(taken.value()->events()).front());
  }

  [[nodiscard]] std::uint64_t lost_events() const {
    return RecordedMetrics(*channel_).counters.at("lost_events_total");
  }

  io::PosixFileSystem file_system_;
  SystemClock clock_;
  std::unique_ptr<LoopDisk> disk_;
  std::unique_ptr<FileChannel> channel_;
  std::size_t put_count_ = 0;
  std::size_t next_taken_ = 0;
};

TEST_P(LostDeviceTest, StalledDeviceHoldsPutsBackAndThenGoesOn) {
  ASSERT_TRUE(put());
  std::atomic<bool> is_stopping{false};
  std::array<std::atomic<std::uint64_t>, 2> begun{};
  std::array<std::atomic<std::uint64_t>, 2> done{};
  std::vector<std::jthread> producers;
  for (std::size_t i = 0; i < begun.size(); ++i) {
    producers.emplace_back([&, i] {
      while (!is_stopping) {
        ++begun[i];
        EXPECT_TRUE(channel_->put(batch_of({"x"})).has_value());
        ++done[i];
      }
    });
  }
  const auto all_done = [&done] { return done[0] + done[1]; };
  EXPECT_TRUE(eventually([&] { return all_done() > 20; }));
  for (int round = 0; round < 3; ++round) {
    disk_->control().held_count = 0;
    disk_->control().is_stalled = true;
    EXPECT_TRUE(eventually([&] { return disk_->control().held_count > 0; }));
    // What the device had done before may still be on its way.
    std::uint64_t before = 0;
    EXPECT_TRUE(eventually([&] { return before == std::exchange(before, all_done()); }));
    for (int i = 0; i < 5; ++i) give_way();
    EXPECT_EQ(all_done(), before) << "nothing can have become durable";
    EXPECT_EQ(begun[0] + begun[1], before + 2) << "both wait";
    const auto taken = take_and_commit(*channel_, 1);
    EXPECT_EQ(taken.size(), 1U) << "sinks go on with what is in memory";
    disk_->control().is_stalled = false;
    EXPECT_TRUE(eventually([&] { return all_done() > before + 20; }));
  }
  is_stopping = true;
  producers.clear();
  EXPECT_FALSE(channel_->is_failed());
  EXPECT_EQ(channel_->size_events(), 1 + all_done() - 3);
  EXPECT_EQ(lost_events(), 0U);
}

TEST_P(LostDeviceTest, UnreadableDeviceLosesNothing) {
  while (put_count_ < 150) ASSERT_TRUE(put());
  disk_->fail({.ops = fault_bit(DiskOp::kRead)});
  drain();
  EXPECT_LT(next_taken_, put_count_) << "most of it is not in memory";
  EXPECT_GT(disk_->control().failed_count, 0U);
  EXPECT_EQ(lost_events(), 0U);
  channel_->stop();
  disk_->drop_caches();
  create();
  EXPECT_FALSE(channel_->start().has_value()) << "with a log that cannot be read";
  disk_->heal();
  // ext4 may have met an error of its own and become read-only.
  ASSERT_EQ(disk_->unmount(), 0);
  ASSERT_EQ(disk_->mount(), 0);
  create();
  ASSERT_TRUE(channel_->start().has_value());
  drain();
  EXPECT_EQ(next_taken_, put_count_);
  EXPECT_EQ(lost_events(), 0U);
  EXPECT_TRUE(put());
}

TEST_P(LostDeviceTest, FileSystemThatGaveUpRefusesPutsAndGoesOnDelivering) {
  while (put_count_ < 100) ASSERT_TRUE(put());
  const std::string probe = disk_->path() + "/probe";
  disk_->fail({.ops = fault_bit(DiskOp::kWrite)});
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(put());
    const io::OwnedFd fd(::open(probe.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    return !fd.is_open() || ::fsync(fd.get()) != 0;
  }));
  EXPECT_FALSE(put());
  disk_->heal();
  EXPECT_FALSE(put()) << "only a restart makes it good";
  drain();
  const bool can_be_read = format().file_system == "ext4";  // XFS refuses everything
  EXPECT_TRUE(!can_be_read || next_taken_ == put_count_) << "what was durable is delivered";
  channel_->stop();
  ASSERT_EQ(disk_->unmount(), 0);
  ASSERT_EQ(disk_->mount(), 0);
  create();
  ASSERT_TRUE(channel_->start().has_value());
  // Of the acknowledgements none had to become durable; those of the oldest events may have.
  next_taken_ = std::min(next_taken_, oldest());
  drain();
  EXPECT_GE(next_taken_, put_count_);
  EXPECT_TRUE(put());
  EXPECT_EQ(lost_events(), 0U);
}

INSTANTIATE_TEST_SUITE_P(FileSystems, LostDeviceTest, testing::Values("ext4", "xfs"),
                         [](const auto& kase) { return std::string(kase.param); });

}  // namespace
}  // namespace spillway::test
