// The disk-full promises of the file channel on real file systems, filled to the last byte by us
// and by others: puts are refused, consumers go on and are not forgotten, space that returns is
// used.
//
// Needs root: the file systems are mounted in a mount namespace of this process's own.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/io/owned_fd.h"
#include "wal/io/posix_file_system.h"

namespace spillway::channel {
namespace {

using test::batch_of;
using test::eventually;

constexpr std::uint64_t kDiskBytes = 24 * kMiB;

// False, with errno, where this process may not mount.
bool enter_own_namespace() {
  return ::unshare(CLONE_NEWNS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool shell(const std::string& command) {
  return test::run_program({"/bin/sh", "-c", "PATH=$PATH:/sbin:/usr/sbin; " + command}).exit_code ==
         0;
}

class RealDiskFullTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
    static const bool has_namespace = enter_own_namespace();
    if (!has_namespace) GTEST_SKIP() << "no mount namespace: " << std::strerror(errno);
    std::filesystem::create_directory(disk_path());
    mount_disk();
  }

  void TearDown() override {
    if (channel_ != nullptr) channel_->stop();
    if (!is_mounted_) return;
    EXPECT_EQ(::umount2(disk_path().c_str(), 0), 0) << std::strerror(errno);
  }

  void mount_disk() {
    if (std::string(GetParam()) == "tmpfs") {
      const std::string size = "size=" + std::to_string(kDiskBytes);
      is_mounted_ =
          ::mount("tmpfs", disk_path().c_str(), "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) == 0;
    } else {
      const std::string image = directory_.file("image");
      const std::string size = std::to_string(kDiskBytes);
      is_mounted_ = shell("truncate -s " + size + " " + image) &&
                    shell("mkfs.ext4 -q -F -m 0 " + image) &&
                    shell("mount -o loop " + image + " " + disk_path());
    }
    if (!is_mounted_) GTEST_SKIP() << "cannot mount a small " << GetParam();
  }

  [[nodiscard]] std::string disk_path() const { return directory_.file("disk"); }

  void open() {
    auto options = test::small_file_channel(disk_path(), {.capacity_events = 1'000'000});
    channel_ = std::make_unique<FileChannel>(std::move(options), file_system_, clock_);
    const auto started = channel_->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }
  void reopen() {
    channel_->stop();
    open();
  }

  bool put() {
    const auto done =
        channel_->put(batch_of({std::to_string(put_count_) + std::string(30'000, '.')}));
    if (done.has_value()) ++put_count_;
    if (done.has_value()) return true;
    EXPECT_EQ(done.error().code, Errc::kNoSpace) << to_string(done.error());
    return false;
  }
  void fill() {
    while (put()) ASSERT_LT(put_count_, 10'000U);
  }
  void take(std::size_t count) {
    for (const std::string& body : test::take_and_commit(*channel_, count)) {
      EXPECT_EQ(std::stoul(body), taken_count_++);
    }
  }
  void drain() {
    while (channel_->size_events() > 0) take(20);
    EXPECT_EQ(taken_count_, put_count_);
  }
  [[nodiscard]] double gauge(const std::string& name) const {
    return test::RecordedMetrics(*channel_).gauges.at(name);
  }

  // Somebody else takes what is left, to the last block.
  void fill_the_rest() {
    io::OwnedFd fd(::open(filler().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd.is_open());
    for (off_t size = kMiB; size >= 4096; size /= 2) {
      off_t end = ::lseek(fd.get(), 0, SEEK_END);
      while (::posix_fallocate(fd.get(), end, size) == 0) end = ::lseek(fd.get(), 0, SEEK_END);
    }
  }
  [[nodiscard]] std::string filler() const { return disk_path() + "/filler"; }

  test::TempDir directory_;
  io::PosixFileSystem file_system_;
  SystemClock clock_;
  std::unique_ptr<FileChannel> channel_;
  std::size_t put_count_ = 0;
  std::size_t taken_count_ = 0;
  bool is_mounted_ = false;
};

TEST_P(RealDiskFullTest, FullDiskRefusesDrainsAndGoesOnWithoutARestart) {
  open();
  for (int round = 0; round < 2; ++round) {
    // A slot under preparation may come after the first refusal.
    EXPECT_TRUE(eventually([this] {
      fill();
      return gauge("space_state") == 2.0;
    }));
    fill_the_rest();
    take(5);
    EXPECT_TRUE(channel_->checkpoint().has_value()) << "acknowledging needs no space";
    reopen();
    EXPECT_EQ(channel_->size_events(), put_count_ - taken_count_);
    drain();
    EXPECT_TRUE(eventually([this] { return put(); })) << "from what has been drained";
    EXPECT_FALSE(channel_->is_failed());
    std::filesystem::remove(filler());
    EXPECT_TRUE(eventually([this] { return gauge("space_state") == 0.0; }));
  }
  drain();
}

TEST_P(RealDiskFullTest, LargeTransactionIsTakenOrRefusedAsAWhole) {
  open();
  const test::EventBodies large(45, std::string(100'000, 'x'));  // 4.5 MB: five slots
  std::size_t taken = 0;
  while (channel_->put(batch_of(large)).has_value()) ASSERT_LT(++taken, 100U);
  EXPECT_GE(taken, 2U);
  reopen();
  EXPECT_EQ(channel_->size_events(), taken * large.size());
  EXPECT_EQ(test::drain(*channel_).size(), taken * large.size());
  EXPECT_TRUE(eventually([&] { return channel_->put(batch_of(large)).has_value(); }));
}

INSTANTIATE_TEST_SUITE_P(FileSystems, RealDiskFullTest, testing::Values("tmpfs", "ext4"),
                         [](const auto& disk) { return std::string(disk.param); });

}  // namespace
}  // namespace spillway::channel
