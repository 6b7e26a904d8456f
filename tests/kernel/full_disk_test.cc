// A disk without blocks, without inodes or beyond its quota because of somebody else: puts are
// refused, consumers go on, what they drain and what comes back is used without a restart; and a
// power cut at any moment of that takes nothing that was promised.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernel/channel_life.h"
#include "tests/kernel/crash_images.h"
#include "tests/kernel/forked_process.h"
#include "tests/kernel/ledger.h"
#include "tests/kernel/loop_disk.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/look.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/io/owned_fd.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

using channel::FileChannel;

enum class Scarce : std::uint8_t { kBlocks, kInodes, kQuota };

struct FullCase {
  const char* name;
  const char* file_system;
  Scarce scarce;
};

void PrintTo(const FullCase& kase, std::ostream* out) {
  *out << kase.name;
}

class FullDiskTest : public testing::TestWithParam<FullCase> {
 protected:
  static constexpr std::size_t kImages = 12;

  void SetUp() override {
    const std::string reason = LoopDisk::why_not(format());
    if (!reason.empty()) GTEST_SKIP() << reason;
    // A full disk is the normal case here.
    set_log_level(LogLevel::kError);
    disk_ = std::make_unique<LoopDisk>(format());
    images_ = std::make_unique<CrashImages>(*disk_);
    ASSERT_EQ(disk_->mount(), 0);
    const bool has_quota = GetParam().scarce == Scarce::kQuota;
    if (has_quota && !run_shell("btrfs quota enable " + disk_->path())) {
      GTEST_SKIP() << "needs btrfs quotas";
    }
    channel_ = std::make_unique<FileChannel>(life_options(disk_->path(), {.is_strict = false}),
                                             file_system_, clock_);
    ASSERT_TRUE(channel_->start().has_value());
  }

  static DiskFormat format() {
    DiskFormat format = small_format(GetParam().file_system);
    if (GetParam().scarce == Scarce::kInodes) format.mkfs_options += " -N 64";
    return format;
  }

  // Somebody else takes all there is.
  void exhaust() {
    if (GetParam().scarce == Scarce::kQuota) {
      ::sync();  // quotas count what has reached the disk
      ASSERT_TRUE(run_shell("btrfs qgroup limit 4M " + disk_->path()));
      return;
    }
    std::filesystem::create_directory(others());
    ForkedProcess other([&] {
      if (GetParam().scarce == Scarce::kInodes) take_inodes();
      if (GetParam().scarce == Scarce::kBlocks) take_blocks();
      return 0;
    });
    ASSERT_EQ(other.wait(), 0);
  }

  void relieve() {
    if (GetParam().scarce != Scarce::kQuota) {
      std::filesystem::remove_all(others());
      return;
    }
    ASSERT_TRUE(run_shell("btrfs qgroup limit none " + disk_->path()));
  }

  void take_inodes() const {
    for (int i = 0;; ++i) {
      const std::string path = others() + "/" + std::to_string(i);
      const io::OwnedFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      if (!fd.is_open()) return;
    }
  }

  void take_blocks() const {
    const std::string path = others() + "/filler";
    const io::OwnedFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    for (off_t bytes = 1 << 20U; fd.is_open() && bytes >= 4096; bytes /= 2) {
      off_t end = ::lseek(fd.get(), 0, SEEK_END);
      while (::posix_fallocate(fd.get(), end, bytes) == 0) end = ::lseek(fd.get(), 0, SEEK_END);
    }
  }
  [[nodiscard]] std::string others() const { return disk_->path() + "/others"; }

  bool put() {
    const auto bodies = ledger_.begin_put(0, 4, 1500, disk_->now());
    const auto done = channel_->put(batch_of(bodies));
    if (done.has_value()) ledger_.acknowledge_last(0, disk_->now());
    EXPECT_TRUE(done.has_value() || done.error().code == Errc::kNoSpace) << to_string(done.error());
    return done.has_value();
  }
  void put_until_refused() {
    int puts = 0;
    while (put()) ASSERT_LT(++puts, 2000) << "the disk is never full";
  }

  void take(std::size_t count) {
    const auto taken = channel_->take(count, std::chrono::milliseconds(0));
    ASSERT_TRUE(taken.has_value()) << to_string(taken.error());
    ledger_.begin_take(bodies_of(taken.value()->events()), disk_->now());
    EXPECT_TRUE(taken.value()->commit().has_value()) << "acknowledging needs no space";
  }
  void drain() {
    while (channel_->size_events() > 0) take(50);
  }

  void check_images() {
    ASSERT_EQ(disk_->unmount(), 0);
    images_->finish();
    Random random(1);
    std::size_t unmounted = 0;
    for (const Crash& crash : images_->choose(kImages, random)) {
      SCOPED_TRACE(images_->describe(crash));
      images_->make(crash, random);
      // btrfs does not survive half of its own superblock, which some images have.
      const bool is_mounted = disk_->mount() == 0;
      if (!is_mounted && GetParam().scarce == Scarce::kQuota && ++unmounted <= kImages / 4)
        continue;
      ASSERT_TRUE(is_mounted) << "the file system itself is broken";
      auto there = try_look_after_start(disk_->path());
      // On btrfs a start has to write what a quota, which has survived the crash, may refuse.
      const bool is_refused = !there.has_value() && there.error().code == Errc::kNoSpace;
      if (is_refused && GetParam().scarce == Scarce::kQuota) {
        relieve();
        there = try_look_after_start(disk_->path());
      }
      ASSERT_TRUE(there.has_value()) << to_string(there.error());
      EXPECT_EQ(ledger_.broken_promise(there.value(), crash.ops), "");
      ASSERT_EQ(disk_->unmount(), 0);
      if (HasFailure()) return;
    }
  }

  io::PosixFileSystem file_system_;
  SystemClock clock_;
  Ledger ledger_;
  std::unique_ptr<LoopDisk> disk_;
  std::unique_ptr<CrashImages> images_;
  std::unique_ptr<FileChannel> channel_;
};

TEST_P(FullDiskTest, RefusesDrainsAndGoesOnWithoutARestart) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(put());
    exhaust();
    put_until_refused();
    EXPECT_GT(channel_->size_events(), 0U);
    take(8);
    drain();
    EXPECT_TRUE(eventually([this] { return put(); })) << "from what has been drained";
    put_until_refused();
    relieve();
    EXPECT_TRUE(eventually([this] { return put(); })) << "from what has come back";
    EXPECT_FALSE(channel_->is_failed());
    drain();
  }
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(put());
  const auto left = look(*channel_);
  EXPECT_EQ(ledger_.broken_promise(left, disk_->now()), "");
  channel_->stop();
  check_images();
}

INSTANTIATE_TEST_SUITE_P(Disks, FullDiskTest,
                         testing::Values(FullCase{"ext4Blocks", "ext4", Scarce::kBlocks},
                                         FullCase{"xfsBlocks", "xfs", Scarce::kBlocks},
                                         FullCase{"ext4Inodes", "ext4", Scarce::kInodes},
                                         FullCase{"btrfsQuota", "btrfs", Scarce::kQuota}),
                         [](const auto& kase) { return std::string(kase.param.name); });

}  // namespace
}  // namespace spillway::test
