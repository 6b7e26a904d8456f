// What the other sweeps promise holds with encryption on and a new key at every start: power loss
// and errors at every call to the disk lose nothing and bring nothing back, every image opens with
// the keys, and no pair of key and nonce ever stands for two contents.
//
// The random part of a segment's key comes from the same seed at every start here, so that only the
// rules keep pairs apart, not chance.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "tests/crash/channel_run.h"
#include "tests/support/crash_sweep.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"

namespace spillway::test {
namespace {

using channel::AckDurability;

struct Outcome {
  Promise promise;
  NonceLedger ledger;
};

class EncryptedCrashTest : public testing::TestWithParam<Writing> {
 protected:
  // Damage is the normal case here; thousands of lines about it help nobody.
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  // Every third call; another seed takes others.
  static SweepOptions options_of(std::uint64_t seed) {
    constexpr std::uint64_t kStride = 3;
    return {.disk = {.seed = seed},
            .call_first = 1 + seed % kStride,
            .call_step = kStride * kCallStep,
            .random_survivors = 1};
  }

  template <class Work>
  void sweep_power_loss(Work work) {
    for (const std::uint64_t seed : seeds(1)) {
      SCOPED_TRACE(replay_hint(seed));
      crash_states_ += sweep_crashes(
          options_of(seed), [&](SimDisk& disk) { return run(disk, AckDurability::kLazy, work); },
          [](SimDisk& image, const Outcome& outcome) {
            expect_encrypted_promise_kept(image, outcome.promise, outcome.ledger);
          });
    }
  }

  template <class Work>
  void sweep_failures(Work work, AckDurability acks) {
    const std::vector<Error> errors{{.code = Errc::kIo, .os_error = EIO, .what = "broken"},
                                    {.code = Errc::kNoSpace, .os_error = ENOSPC, .what = "full"}};
    for (const std::uint64_t seed : seeds(1)) {
      SCOPED_TRACE(replay_hint(seed));
      faults_ += sweep_errors(
          options_of(seed), errors,
          [&](SimDisk& disk) {
            Outcome outcome = run(disk, acks, [&](ChannelRun& run) {
              work(run);
              run.stop();
            });
            // Which read failed is not known here; the manifest's may have.
            outcome.promise.unsettle();
            return outcome;
          },
          [](SimDisk& disk, const Outcome& outcome) {
            expect_encrypted_promise_kept(disk, outcome.promise, outcome.ledger);
          });
    }
  }

  void TearDown() override {
    note_tried(kCrashStates, crash_states_);
    note_tried(kFaults, faults_);
    EXPECT_GT((crash_states_ + faults_) * kCallStep, 5U);
    EXPECT_GT(blocks_max_, 5U);
    EXPECT_GT(keys_max_, 1U) << "the key was never changed";
  }

 private:
  template <class Work>
  Outcome run(SimDisk& disk, AckDurability acks, Work work) {
    ChannelRun run(disk, acks, Encryption::kRotating, GetParam());
    work(run);
    EXPECT_EQ(run.ledger().reused(), "") << "a nonce used twice";
    blocks_max_ = std::max(blocks_max_, run.ledger().size());
    keys_max_ = std::max(keys_max_, run.ledger().key_count());
    return {.promise = run.promise(), .ledger = run.ledger()};
  }

  std::uint64_t crash_states_ = 0;
  std::uint64_t faults_ = 0;
  std::size_t blocks_max_ = 0;
  std::size_t keys_max_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Writing, EncryptedCrashTest,
                         testing::Values(Writing::kPlain, Writing::kRing),
                         [](const auto& writing) { return writing_name(writing.param); });

void put_and_restart(ChannelRun& run) {
  run.start();
  run.put(1);
  run.put(12, 900);
  run.put(2);
  run.stop();
  run.start();
  run.put(1);
  run.put(3, 300);
}

void reclaim_over_restarts(ChannelRun& run) {
  run.start();
  for (int i = 0; i < 8; ++i) run.put(2);
  run.take_and_commit(14);
  run.checkpoint();
  for (int i = 0; i < 4; ++i) run.put(1);
  run.stop();
  run.start();
  run.take_and_commit(4);
  run.checkpoint();
  for (int i = 0; i < 7; ++i) run.put(1);
  run.take_and_roll_back(2);
}

// Slots from the middle of the log, which are used again under other keys.
void reclaim_behind_an_event_that_hangs(ChannelRun& run) {
  run.start();
  run.put(2);
  run.take_and_hang(1);
  for (int i = 0; i < 12; ++i) run.put(1);
  run.take_and_commit(13);
  run.checkpoint();
  run.put(1);
  run.stop();
  run.start();
  for (int i = 0; i < 6; ++i) run.put(1);
}

TEST_P(EncryptedCrashTest, ReclaimBehindAnEventThatHangs) {
  sweep_power_loss(reclaim_behind_an_event_that_hangs);
}

TEST_P(EncryptedCrashTest, PutsAndRestart) {
  sweep_power_loss(put_and_restart);
}

TEST_P(EncryptedCrashTest, ReclaimOverRestarts) {
  sweep_power_loss(reclaim_over_restarts);
}

TEST_P(EncryptedCrashTest, FailuresOfPutsAndRestart) {
  sweep_failures(put_and_restart, AckDurability::kLazy);
}

TEST_P(EncryptedCrashTest, FailuresOfReclaimWithStrictAcknowledgements) {
  sweep_failures(reclaim_over_restarts, AckDurability::kStrict);
}

// A crashed process's disk, started twice: as it is, and from a copy. With the same random numbers
// the second writes other events under the nonces of the first, and that must show.
TEST(NonceLedgerTest, TwoContentsUnderOneNonceAreSeen) {
  set_log_level(LogLevel::kError);
  SimDisk disk;
  ChannelRun first(disk, AckDurability::kLazy, Encryption::kRotating);
  first.start();
  first.put(2);
  const auto copy = disk.crash_image({.name = "none", .fates = {}});
  NonceLedger ledger = first.ledger();
  const auto go_on = [&ledger](SimDisk& on, std::size_t count) {
    ChannelRun run(on, AckDurability::kLazy, Encryption::kRotating);
    run.start();
    run.put(count);
    ledger.note(on);
  };
  disk.crash_now();
  const auto original = disk.crash_image({.name = "none", .fates = {}});
  go_on(*original, 1);
  EXPECT_EQ(ledger.reused(), "");
  EXPECT_GT(ledger.size(), first.ledger().size());
  go_on(*copy, 2);
  EXPECT_NE(ledger.reused(), "");
}

}  // namespace
}  // namespace spillway::test
