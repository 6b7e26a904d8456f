// The k-th call to the disk fails, once or from then on, for every k: nothing is acknowledged that
// is not done, nothing acknowledged is lost, the channel can be started again as soon as the disk
// is well, and then takes events (A4, A10). Interrupted calls and short transfers end below this
// seam, in wal/io (tests/wal/io/write_progress_test.cc).

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/channel_run.h"
#include "tests/support/crash_sweep.h"
#include "tests/support/look.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/segment.h"

namespace spillway::test {
namespace {

const std::vector<Error>& errors() {
  static const std::vector<Error> all{
      {.code = Errc::kIo, .os_error = EIO, .what = "broken"},
      {.code = Errc::kIo, .os_error = ECANCELED, .what = "cancelled"},
      {.code = Errc::kNoSpace, .os_error = ENOSPC, .what = "full"},
      {.code = Errc::kNoSpace, .os_error = EDQUOT, .what = "over quota"},
  };
  return all;
}

struct ErrorsCase {
  const char* name;
  bool is_direct;  // the disk takes direct I/O
  Writing writing = Writing::kPlain;
};

class IoErrorsTest : public testing::TestWithParam<ErrorsCase> {
 protected:
  // Damage is the normal case here; thousands of lines about it help nobody.
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  template <class Work>
  void sweep(Work work, channel::AckDurability acks = channel::AckDurability::kLazy) {
    for (const std::uint64_t seed : seeds(1)) {
      SCOPED_TRACE(replay_hint(seed) + ", " + GetParam().name);
      runs_ += sweep_errors(
          {.disk = {.seed = seed, .is_direct = GetParam().is_direct}}, errors(),
          [&](SimDisk& disk) {
            ChannelRun run(disk, acks, Encryption::kNone, GetParam().writing);
            work(run);
            Promise promise = run.promise();
            run.stop();
            // Which read failed is not known here; the manifest's may have.
            promise.unsettle();
            return promise;
          },
          [](SimDisk& disk, const Promise& promise) {
            expect_promise_kept(disk, promise, GetParam().writing);
          });
    }
  }

  void TearDown() override {
    note_tried(kFaults, runs_);
    EXPECT_GT(runs_ * kCallStep, 50U);
  }

  std::uint64_t runs_ = 0;
};

TEST_P(IoErrorsTest, FirstStartAndPuts) {
  sweep([](ChannelRun& run) {
    if (!run.start()) run.start();
    for (int i = 0; i < 8; ++i) run.put(2);
  });
}

TEST_P(IoErrorsTest, LargePutsOverSegments) {
  sweep([](ChannelRun& run) {
    run.start();
    run.put(1);
    run.put(30, 900);
    run.put(1);
    run.put(30, 900);
    run.put(1);
  });
}

TEST_P(IoErrorsTest, AcknowledgementsCheckpointsAndReclaim) {
  sweep([](ChannelRun& run) {
    run.start();
    for (int i = 0; i < 8; ++i) run.put(2);
    run.take_and_commit(12);
    run.checkpoint();
    for (int i = 0; i < 6; ++i) run.put(1);
    run.take_and_commit(6);
    run.checkpoint();
    run.put(1);
  });
}

TEST_P(IoErrorsTest, ReclaimBehindAnEventThatHangs) {
  sweep([](ChannelRun& run) {
    run.start();
    run.put(2);
    run.take_and_hang(1);
    for (int i = 0; i < 8; ++i) run.put(2);
    run.take_and_commit(12);
    run.checkpoint();
    for (int i = 0; i < 6; ++i) run.put(1);
    run.take_and_commit(8);
    run.checkpoint();
    run.roll_back_hanging();
    run.put(1);
  });
}

TEST_P(IoErrorsTest, StrictAcknowledgements) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        for (int i = 0; i < 6; ++i) run.put(2);
        run.take_and_commit(3);
        run.take_and_commit(4);
        run.put(1);
        run.take_and_commit(1);
      },
      channel::AckDurability::kStrict);
}

TEST_P(IoErrorsTest, StopAndStart) {
  sweep([](ChannelRun& run) {
    run.start();
    run.put(3);
    run.take_and_commit(1);
    run.stop();
    if (!run.start()) run.start();
    run.put(2);
    run.stop();
    run.start();
    run.put(1);
  });
}

// From the k-th call of a start on, for every k, whatever reads fails: the start fails or the
// channel is the one that was there. What cannot be read is neither new nor damaged.
TEST_P(IoErrorsTest, StartOfADiskThatCannotBeRead) {
  for (const bool is_clean : {true, false}) {
    for (std::uint64_t number = 1;; number += kCallStep) {
      SCOPED_TRACE("reads fail from call " + std::to_string(number) + " of the start on, after a " +
                   (is_clean ? "stop" : "crash"));
      SimDisk before({.is_direct = GetParam().is_direct});
      ChannelRun first(before, channel::AckDurability::kLazy, Encryption::kNone,
                       GetParam().writing);
      ASSERT_TRUE(first.start());
      for (int i = 0; i < 30; ++i) first.put(2);
      first.take_and_commit(3);
      if (is_clean) first.stop();
      const auto disk = before.crash_image({.name = "none", .fates = {}});
      first.stop();
      disk->fail_when(
          [number](const SimCall& call) {
            return call.number >= number && call.kind == SimCallKind::kRead;
          },
          errors().front());
      const FakeClock clock;
      channel::FileChannel channel(crash_options(GetParam().writing), *disk, clock);
      const bool has_started = channel.start().has_value();
      const bool has_failed_reads = disk->call_count() > number;
      channel.stop();
      disk->clear_faults();
      Promise promise = first.promise();
      promise.unsettle();
      expect_promise_kept(*disk, promise, GetParam().writing);
      ++runs_;
      if (HasFailure()) return;
      if (has_started && !has_failed_reads) break;
    }
  }
}

// A directory whose power went, with a damaged block in the middle and one near the end.
std::unique_ptr<SimDisk> damaged_disk(const ErrorsCase& kind) {
  SimDisk before({.is_direct = kind.is_direct});
  ChannelRun run(before, channel::AckDurability::kLazy, Encryption::kNone, kind.writing);
  EXPECT_TRUE(run.start());
  for (int i = 0; i < 24; ++i) run.put(2);
  run.take_and_commit(3);
  auto disk = before.crash_image({.name = "none", .fates = {}});
  run.stop();
  for (const std::string& path : disk->paths()) {
    const std::uint64_t middle = wal::kSegmentDataOffset + 2 * wal::kBlockAlignBytes;
    if (!path.ends_with(".seg") || disk->contents(path).size() < middle + 71) continue;
    disk->corrupt(path, middle + 70, 1, [](MutableByteSpan byte) { byte[0] ^= std::byte{1}; });
  }
  return disk;
}

// What a start finds and delivers, or nullopt where it fails.
std::optional<std::vector<std::string>> start_and_look(SimDisk& disk, Writing writing) {
  const FakeClock clock;
  channel::FileChannel channel(crash_options(writing), disk, clock);
  if (!channel.start().has_value()) return std::nullopt;
  auto bodies = look(channel);
  channel.stop();
  return bodies;
}

// An error that says nothing about the bytes, as when there is no memory, is not taken for damage:
// the start fails, or finds what it would have found.
TEST_P(IoErrorsTest, StartOnADamagedDiskFindsTheSameAfterAnyError) {
  const Error no_memory{.code = Errc::kNoSpace, .os_error = ENOMEM, .what = "no memory"};
  const auto expected = start_and_look(*damaged_disk(GetParam()), GetParam().writing);
  ASSERT_TRUE(expected.has_value());
  ASSERT_GT(expected->size(), 20U);
  for (const auto repeat : {SimDisk::Repeat::kOnce, SimDisk::Repeat::kAlways}) {
    for (std::uint64_t number = 1;; number += kCallStep) {
      SCOPED_TRACE("call " + std::to_string(number) + " of the start fails" +
                   (repeat == SimDisk::Repeat::kOnce ? "" : ", and all after it"));
      const auto disk = damaged_disk(GetParam());
      const std::uint64_t calls_before = disk->call_count();
      disk->fail_call(calls_before + number, no_memory, repeat);
      const FakeClock clock;
      channel::FileChannel channel(crash_options(GetParam().writing), *disk, clock);
      const bool has_started = channel.start().has_value();
      const bool is_over = disk->call_count() < calls_before + number;
      channel.stop();
      disk->clear_faults();
      EXPECT_EQ(start_and_look(*disk, GetParam().writing), expected)
          << (has_started ? "after a start" : "after a failed start");
      ++runs_;
      if (HasFailure()) return;
      if (is_over) break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Disk, IoErrorsTest,
                         testing::Values(ErrorsCase{"Direct", true}, ErrorsCase{"PageCache", false},
                                         ErrorsCase{"DirectRing", true, Writing::kRing},
                                         ErrorsCase{"DirectTwoDisks", true, Writing::kTwoDisks}),
                         [](const testing::TestParamInfo<ErrorsCase>& instance) {
                           return std::string(instance.param.name);
                         });

}  // namespace
}  // namespace spillway::test
