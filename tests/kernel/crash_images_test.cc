// Whatever state a power cut leaves a real file system in, on a disk that reorders, tears and drops
// what was not flushed: what the file channel promised before is kept, and it goes on from there.
//
// A process uses the channel on a recorded disk; then the disk is put into one such state after
// another, mounted, and the channel opened on it.
//
// SPILLWAY_CRASH_IMAGES=<n>: images per file system. SPILLWAY_SEED=<n>: the first seed.

#include "tests/kernel/crash_images.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/kernel/channel_life.h"
#include "tests/kernel/environment_number.h"
#include "tests/kernel/forked_process.h"
#include "tests/kernel/ledger.h"
#include "tests/kernel/loop_disk.h"
#include "tests/support/events.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/base/random.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

struct ImageCase {
  const char* file_system;
  std::uint64_t images;  // when nobody says otherwise
};

LifePlan plan_of(std::uint64_t seed) {
  Random random(seed);
  return {.seed = seed,
          .is_strict = random.one_in(2),
          .has_ring = random.one_in(2),
          .stops = random.one_in(3)};
}

// A disk on which a channel has lived.
class Recording {
 public:
  Recording(const std::string& file_system, const LifePlan& plan)
      : disk_(small_format(file_system)), images_(disk_), random_(plan.seed) {
    EXPECT_EQ(disk_.mount(), 0);
    ForkedProcess life([&] {
      io::PosixFileSystem real;
      return live(real, disk_.path(), plan, ledger_, [this] { return disk_.now(); }) ? 0 : 1;
    });
    EXPECT_EQ(life.wait(), 0) << "the channel failed before any crash";
    images_.finish();
    EXPECT_EQ(disk_.unmount(), 0);
  }

  [[nodiscard]] LoopDisk& disk() { return disk_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }
  [[nodiscard]] const CrashImages& images() const { return images_; }
  [[nodiscard]] std::vector<Crash> crashes(std::size_t count) {
    return images_.choose(count, random_);
  }
  void make(const Crash& crash) { images_.make(crash, random_); }
  std::size_t make_second() { return images_.make_second(random_); }

 private:
  LoopDisk disk_;
  CrashImages images_;
  Ledger ledger_;
  Random random_;
};

class CrashImagesTest : public testing::TestWithParam<ImageCase> {
 protected:
  // Images made of one run; a run is cheap beside them.
  static constexpr std::uint64_t kImagesPerSeed = 250;
  // One image in so many has a second crash: while the first one is recovered from, or after that.
  static constexpr std::uint64_t kSecondCrashEvery = 4;
  static constexpr const char* kOneMore = "one more";

  void SetUp() override {
    const std::string reason = LoopDisk::why_not(small_format(GetParam().file_system));
    if (!reason.empty()) GTEST_SKIP() << reason;
    set_log_level(LogLevel::kError);
  }

  // Opens the channel on the image, checks what is there, goes on and opens it again.
  void check(Recording& recording, const Crash& crash) {
    LoopDisk& disk = recording.disk();
    ASSERT_EQ(disk.mount(), 0) << "the file system itself is broken";
    there_ = look_after_start(disk.path(), [&](auto& channel) {
      EXPECT_TRUE(channel.put(batch_of({kOneMore})).has_value());
      one_more_at_ = disk.control().op_count;
    });
    EXPECT_EQ(recording.ledger().broken_promise(there_, crash.ops), "");
    there_.emplace_back(kOneMore);
    if (HasFailure()) return;
    EXPECT_EQ(look_after_start(disk.path()), there_) << "at a second start";
    ASSERT_EQ(disk.unmount(), 0);
    ++tried_;
  }

  // What check() did on the image ended at a random moment.
  void check_second(Recording& recording, const Crash& crash) {
    LoopDisk& disk = recording.disk();
    const std::size_t second = recording.make_second();
    SCOPED_TRACE("and a second crash " + std::to_string(second) + " operations later");
    ASSERT_EQ(disk.mount(), 0) << "the file system itself is broken";
    std::vector<std::string> there = look_after_start(disk.path());
    if (second >= one_more_at_) {
      EXPECT_EQ(there, there_);
    } else {
      if (!there.empty() && there.back() == kOneMore) there.pop_back();
      EXPECT_EQ(recording.ledger().broken_promise(there, crash.ops), "");
    }
    ASSERT_EQ(disk.unmount(), 0);
    ++tried_;
  }

  void run(std::uint64_t seed, std::uint64_t count) {
    Recording recording(GetParam().file_system, plan_of(seed));
    for (const Crash& crash : recording.crashes(count)) {
      SCOPED_TRACE("SPILLWAY_SEED=" + std::to_string(seed) + ", " +
                   recording.images().describe(crash));
      recording.make(crash);
      check(recording, crash);
      if (!HasFailure() && tried_ % kSecondCrashEvery == 0) check_second(recording, crash);
      if (HasFailure()) return;
    }
    acknowledged_ += recording.ledger().acknowledged_batches();
  }

  std::vector<std::string> there_;
  std::size_t one_more_at_ = 0;
  std::uint64_t tried_ = 0;
  std::uint64_t acknowledged_ = 0;
};

TEST_P(CrashImagesTest, KeepEveryPromise) {
  const std::uint64_t wanted = environment_number("SPILLWAY_CRASH_IMAGES", GetParam().images);
  const std::uint64_t first_seed = environment_number("SPILLWAY_SEED", 1);
  std::uint64_t seed = first_seed;
  for (; tried_ < wanted && !HasFailure(); ++seed) {
    run(seed, std::min(wanted - tried_, kImagesPerSeed));
  }
  note_tried(kCrashStates, tried_);
  note_seeds(first_seed, seed - 1);
  std::printf(
      "%s: %llu images of seeds %llu to %llu, %llu batches acknowledged\n", GetParam().file_system,
      static_cast<unsigned long long>(tried_), static_cast<unsigned long long>(first_seed),
      static_cast<unsigned long long>(seed - 1), static_cast<unsigned long long>(acknowledged_));
}

// The same images of a channel that calls a put done before it is on the disk: some of them show
// it, or these tests would prove nothing.
TEST_P(CrashImagesTest, FindOutAChannelThatDoesNotFlush) {
  LifePlan plan{.seed = 1};
  plan.is_durable = false;
  Recording recording(GetParam().file_system, plan);
  for (const Crash& crash : recording.crashes(kImagesPerSeed)) {
    if (!crash.is_random || crash.ops < recording.images().op_count() / 2) continue;
    recording.make(crash);
    ASSERT_EQ(recording.disk().mount(), 0);
    const auto there = look_after_start(recording.disk().path());
    ASSERT_EQ(recording.disk().unmount(), 0);
    if (recording.ledger().broken_promise(there, crash.ops).find("lost: ") != std::string::npos) {
      return;
    }
  }
  FAIL() << "no image shows it";
}

INSTANTIATE_TEST_SUITE_P(FileSystems, CrashImagesTest,
                         testing::Values(ImageCase{"ext4", 250}, ImageCase{"xfs", 80},
                                         ImageCase{"btrfs", 40}),
                         [](const auto& kase) { return std::string(kase.param.file_system); });

}  // namespace
}  // namespace spillway::test
