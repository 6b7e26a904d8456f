// A real file system on a device that fails writes, flushes or a part of itself: whatever a put
// returned success for is there after the next crash, and what a restart has shown stays.
//
// A channel lives through the failures and restarts in a new process, with all that the kernel has
// cached; then the machine crashes, at any moment since the beginning.
//
// SPILLWAY_SEED=<n> replays one seed, SPILLWAY_SEED_COUNT=<n> tries n.

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tests/kernel/channel_life.h"
#include "tests/kernel/crash_images.h"
#include "tests/kernel/forked_process.h"
#include "tests/kernel/ledger.h"
#include "tests/kernel/loop_disk.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/base/random.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

struct FaultCase {
  const char* name;
  const char* file_system;
  std::uint32_t ops;
  bool is_range = false;  // only a part of the disk
};

void PrintTo(const FaultCase& kase, std::ostream* out) {
  *out << kase.name;
}

DiskFault fault_of(const FaultCase& kase, std::uint64_t disk_bytes, Random& random) {
  DiskFault fault{.ops = kase.ops, .from = random.between(40, 250)};
  if (!random.one_in(3)) fault.count = random.between(1, 4);
  if (kase.is_range) {
    fault.from = 0;
    fault.count = UINT64_MAX;
    fault.begin = random.below(disk_bytes);
    fault.end = fault.begin + disk_bytes / 16;
  }
  return fault;
}

class FailingDeviceTest : public testing::TestWithParam<FaultCase> {
 protected:
  static constexpr std::size_t kImagesPerSeed = 15;
  static constexpr int kNotStarted = 2;

  void SetUp() override {
    const std::string reason = LoopDisk::why_not(small_format(GetParam().file_system));
    if (!reason.empty()) GTEST_SKIP() << reason;
    set_log_level(LogLevel::kError);
  }

  static DiskFormat format() {
    DiskFormat format = small_format(GetParam().file_system);
    if (format.file_system == "ext4") format.mount_options = "errors=remount-ro";
    return format;
  }

  static int live_on(const LoopDisk& disk, const LifePlan& plan, Ledger& ledger) {
    ForkedProcess life([&] {
      io::PosixFileSystem real;
      return live(real, disk.path(), plan, ledger, [&disk] { return disk.now(); }) ? 0 : 1;
    });
    return life.wait();
  }

  // In a new process; kNotStarted where the file system does not let the channel start.
  static int restart_on(const LoopDisk& disk, Ledger& ledger) {
    ForkedProcess life([&] {
      const auto there = try_look_after_start(disk.path());
      if (!there.has_value()) return kNotStarted;
      EXPECT_EQ(ledger.broken_promise(there.value(), disk.now()), "");
      ledger.adopt(there.value(), disk.now());
      return testing::Test::HasFailure() ? 1 : 0;
    });
    return life.wait();
  }

  void use_failing(LoopDisk& disk, Random& random) {
    LifePlan plan{.seed = random.below(1'000'000),
                  .batches = 30,
                  .is_strict = random.one_in(2),
                  .has_ring = random.one_in(2),
                  .stops = random.one_in(2),
                  .may_fail = true};
    disk.fail(fault_of(GetParam(), disk.image().size(), random));
    EXPECT_GE(live_on(disk, plan, ledger_), 0) << "killed by a signal";
    failed_ += disk.control().failed_count;
    disk.heal();
    int status = restart_on(disk, ledger_);
    if (status == kNotStarted) {
      // The file system has given up: the operator mounts it again.
      ASSERT_EQ(disk.unmount(), 0);
      ASSERT_EQ(disk.mount(), 0);
      status = restart_on(disk, ledger_);
    }
    ASSERT_EQ(status, 0) << "after a restart of the process";
    plan.seed += 1;
    plan.may_fail = true;
    ASSERT_EQ(live_on(disk, plan, ledger_), 0);
  }

  void run(std::uint64_t seed) {
    Random random(seed);
    LoopDisk disk(format());
    CrashImages images(disk);
    ASSERT_EQ(disk.mount(), 0);
    ledger_.clear();
    use_failing(disk, random);
    images.finish();
    if (HasFatalFailure()) return;
    ASSERT_EQ(disk.unmount(), 0);
    for (const Crash& crash : images.choose(kImagesPerSeed, random)) {
      SCOPED_TRACE(images.describe(crash));
      images.make(crash, random);
      // A file system may break where the device has; that is not ours to judge.
      if (disk.mount() != 0) {
        ++unmountable_;
        continue;
      }
      const auto there = look_after_start(disk.path());
      EXPECT_EQ(ledger_.broken_promise(there, crash.ops), "");
      ASSERT_EQ(disk.unmount(), 0);
      ++tried_;
      if (HasFailure()) return;
    }
  }

  Ledger ledger_;
  std::uint64_t tried_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t unmountable_ = 0;
};

TEST_P(FailingDeviceTest, KeepsWhatItAcknowledged) {
  for (const std::uint64_t seed : seeds(2)) {
    SCOPED_TRACE(replay_hint(seed));
    run(seed);
    if (HasFailure()) break;
  }
  std::printf("%s: %llu operations failed, %llu images, %llu more could not be mounted\n",
              GetParam().name, static_cast<unsigned long long>(failed_),
              static_cast<unsigned long long>(tried_),
              static_cast<unsigned long long>(unmountable_));
  note_tried(kCrashStates, tried_);
  note_tried(kFaults, failed_);
  EXPECT_GT(failed_, 0U);
}

constexpr std::uint32_t kWrites = fault_bit(DiskOp::kWrite);
constexpr std::uint32_t kFlushes = fault_bit(DiskOp::kFlush);

INSTANTIATE_TEST_SUITE_P(Faults, FailingDeviceTest,
                         testing::Values(FaultCase{"ext4Writes", "ext4", kWrites},
                                         FaultCase{"ext4Flushes", "ext4", kFlushes},
                                         FaultCase{"ext4Both", "ext4", kWrites | kFlushes},
                                         FaultCase{"ext4Range", "ext4", kWrites, true},
                                         FaultCase{"xfsWrites", "xfs", kWrites},
                                         FaultCase{"xfsFlushes", "xfs", kFlushes}),
                         [](const auto& kase) { return std::string(kase.param.name); });

}  // namespace
}  // namespace spillway::test
