// Power loss at every call to the disk, before it, while it is under way and behind it, with every
// kind of survivors: what was acknowledged is there, whole and in order; nothing else comes to
// life, not even after a second crash; and a crash during recovery changes nothing.
//
// SPILLWAY_SEED=<n> replays one seed, SPILLWAY_SEED_COUNT=<n> tries n.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/crash/channel_run.h"
#include "tests/support/crash_sweep.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"

namespace spillway::test {
namespace {

constexpr auto kLazy = channel::AckDurability::kLazy;

// Each test is one workload; what is common before it starts runs once per crash, too, but is swept
// by the first test only.
class CrashPointsTest : public testing::TestWithParam<Writing> {
 protected:
  // Damage is the normal case here; thousands of lines about it help nobody.
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }

  /// `prepare` and then `work`, with a crash at every call of `work`.
  template <class Prepare, class Work>
  void sweep(Prepare prepare, Work work,
             channel::AckDurability acks = channel::AckDurability::kLazy) {
    for (const std::uint64_t seed : seeds(1)) {
      SCOPED_TRACE(replay_hint(seed));
      SimDisk prepared({.seed = seed});
      ChannelRun first(prepared, acks, Encryption::kNone, GetParam());
      prepare(first);
      const SweepOptions options{
          .disk = {.seed = seed}, .call_first = prepared.call_count() + 1, .random_survivors = 3};
      images_ += sweep_crashes(
          options,
          [&](SimDisk& disk) {
            ChannelRun run(disk, acks, Encryption::kNone, GetParam());
            prepare(run);
            work(run);
            return run.promise();
          },
          [](SimDisk& image, const Promise& promise) {
            expect_promise_kept(image, promise, GetParam());
          });
    }
  }

  void sweep_recovery(std::uint64_t seed) {
    for (const CrashPhase phase : {CrashPhase::kAfterSubmit, CrashPhase::kAfterCompletion}) {
      SimDisk reference({.seed = seed});
      ChannelRun before(reference, kLazy, Encryption::kNone, GetParam());
      before.start();
      before.put(2);
      before.put(2);
      const std::uint64_t first = reference.call_count() + 1;
      for (std::uint64_t number = first; number < first + 12; ++number) {
        SimDisk disk({.seed = seed});
        disk.crash_at(number, phase);
        ChannelRun run(disk, kLazy, Encryption::kNone, GetParam());
        run.start();
        run.put(2);
        run.put(2);
        run.put(30, 900);
        if (!disk.is_crashed()) break;
        for (const Survivors& choice : survivor_choices(disk.pending().size(), seed, 1)) {
          sweep_start(*disk.crash_image(choice), run.promise(), seed);
          if (HasFailure()) return;
        }
      }
    }
  }

  // Power loss at a third of the calls of a start on `crashed`.
  void sweep_start(const SimDisk& crashed, const Promise& promise, std::uint64_t seed) {
    images_ += sweep_crashes(
        {.disk = {.seed = seed}, .call_step = 3 * kCallStep, .random_survivors = 0},
        [&](SimDisk& again) {
          for (const std::string& path : crashed.paths()) again.put(path, crashed.contents(path));
          ChannelRun recovery(again, kLazy, Encryption::kNone, GetParam());
          recovery.start();
          return promise;
        },
        [](SimDisk& image, const Promise& kept) { expect_promise_kept(image, kept, GetParam()); });
  }

  void TearDown() override {
    note_tried(kCrashStates, images_);
    EXPECT_GE(images_ * kCallStep, 20U);  // of one seed
  }

  std::uint64_t images_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Writing, CrashPointsTest,
                         testing::Values(Writing::kPlain, Writing::kRing, Writing::kTwoDisks),
                         [](const auto& writing) { return writing_name(writing.param); });

void started(ChannelRun& run) {
  run.start();
}

TEST_P(CrashPointsTest, FirstStart) {
  sweep([](ChannelRun&) {}, [](ChannelRun& run) { run.start(); });
}

TEST_P(CrashPointsTest, Puts) {
  sweep(started, [](ChannelRun& run) {
    run.put(1);
    run.put(3);
    run.put(2, 300);
  });
}

TEST_P(CrashPointsTest, PutOverSeveralBlocks) {
  sweep(started, [](ChannelRun& run) {
    run.put(1);
    run.put(12, 900);
    run.put(1);
  });
}

TEST_P(CrashPointsTest, PutOverSeveralSegments) {
  sweep(started, [](ChannelRun& run) {
    run.put(2);
    run.put(40, 900);
    run.put(1);
  });
}

TEST_P(CrashPointsTest, NewSegment) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        for (int i = 0; i < 5; ++i) run.put(1);
      },
      [](ChannelRun& run) {
        for (int i = 0; i < 3; ++i) run.put(2);
      });
}

TEST_P(CrashPointsTest, AcknowledgementsAndCheckpoints) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        run.put(4);
        run.put(4);
      },
      [](ChannelRun& run) {
        run.take_and_commit(3);
        run.put(2);
        run.checkpoint();
        run.take_and_roll_back(2);
        run.take_and_commit(4);
        run.checkpoint();
        run.put(1);
        run.checkpoint();
      });
}

TEST_P(CrashPointsTest, SlotsAreReclaimedAndUsedAgain) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        for (int i = 0; i < 11; ++i) run.put(2);
      },
      [](ChannelRun& run) {
        run.take_and_commit(20);
        run.checkpoint();
        for (int i = 0; i < 8; ++i) run.put(1);
        run.take_and_commit(9);
        run.checkpoint();
        for (int i = 0; i < 7; ++i) run.put(1);
      });
}

// An event of the first segment hangs in a sink while another sink drains what follows: segments
// between it and the end of the log are reclaimed and their slots used again.
void fill_and_hang(ChannelRun& run) {
  run.start();
  run.put(2);
  run.take_and_hang(1);
  for (int i = 0; i < 12; ++i) run.put(2);
}

void drain_behind_it(ChannelRun& run) {
  run.take_and_commit(17);
  run.checkpoint();
  for (int i = 0; i < 8; ++i) run.put(1);
  run.take_and_commit(12);
  run.checkpoint();
  for (int i = 0; i < 7; ++i) run.put(1);
}

TEST_P(CrashPointsTest, SlotsAreReclaimedBehindAnEventThatHangs) {
  sweep(fill_and_hang, drain_behind_it);
}

TEST_P(CrashPointsTest, SlotsAreReclaimedBehindAnEventThatHangsAndEnds) {
  sweep(
      [](ChannelRun& run) {
        fill_and_hang(run);
        run.take_and_commit(14);
        run.checkpoint();
      },
      [](ChannelRun& run) {
        for (int i = 0; i < 6; ++i) run.put(1);
        run.take_and_hang(2);
        run.take_and_commit(9);
        run.checkpoint();
        run.commit_hanging();
        run.put(1);
        run.checkpoint();
        run.roll_back_hanging();
        run.take_and_commit(4);
        for (int i = 0; i < 7; ++i) run.put(1);
        run.checkpoint();
      });
}

// The manifest's gap is there when the log is opened again, and grows.
TEST_P(CrashPointsTest, StopsAndStartsWithAGapBehindAnEventThatHangs) {
  sweep(
      [](ChannelRun& run) {
        fill_and_hang(run);
        run.take_and_commit(14);
        run.checkpoint();
        run.put(1);
      },
      [](ChannelRun& run) {
        run.stop();
        run.start();
        run.take_and_hang(1);
        run.put(2, 300);
        run.take_and_commit(8);
        run.checkpoint();
        for (int i = 0; i < 8; ++i) run.put(1);
        run.take_and_commit(10);
        run.stop();
        run.start();
        run.take_and_commit(3);
        run.put(1);
      });
}

TEST_P(CrashPointsTest, StrictAcknowledgementsBehindAnEventThatHangs) {
  sweep(
      [](ChannelRun& run) {
        fill_and_hang(run);
        run.take_and_commit(3);
      },
      [](ChannelRun& run) {
        for (int i = 0; i < 4; ++i) run.take_and_commit(4);
        run.checkpoint();
        for (int i = 0; i < 6; ++i) run.put(1);
        run.take_and_commit(5);
        run.commit_hanging();
        run.checkpoint();
        run.put(1);
      },
      channel::AckDurability::kStrict);
}

// The sweeps above would prove little if nothing was reclaimed in them.
TEST_P(CrashPointsTest, DiskUseIsBoundedWhileAnEventHangs) {
  SimDisk disk;
  ChannelRun run(disk, kLazy, Encryption::kNone, GetParam());
  fill_and_hang(run);
  drain_behind_it(run);
  const std::uint64_t files = run.slot_files();
  for (int i = 0; i < 20; ++i) drain_behind_it(run);
  EXPECT_LE(run.slot_files(), files + 1);
  run.stop();
  expect_promise_kept(disk, run.promise(), GetParam());
  images_ += 21;
}

TEST_P(CrashPointsTest, CleanStopAndNextStart) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        run.put(3);
        run.take_and_commit(1);
      },
      [](ChannelRun& run) {
        run.stop();
        run.start();
        run.put(2);
        run.stop();
        run.start();
        run.put(1);
      });
}

// What a sink was told is done never comes back.
TEST_P(CrashPointsTest, StrictAcknowledgements) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        run.put(4);
        run.put(4);
      },
      [](ChannelRun& run) {
        run.take_and_commit(3);
        run.put(2);
        run.take_and_commit(1);
        run.take_and_roll_back(2);
        run.take_and_commit(4);
        run.checkpoint();
        run.take_and_commit(1);
        run.put(1);
      },
      channel::AckDurability::kStrict);
}

TEST_P(CrashPointsTest, StrictAcknowledgementsOverSegments) {
  sweep(
      [](ChannelRun& run) {
        run.start();
        for (int i = 0; i < 11; ++i) run.put(2);
      },
      [](ChannelRun& run) {
        for (int i = 0; i < 5; ++i) run.take_and_commit(3);
        run.checkpoint();
        for (int i = 0; i < 6; ++i) run.put(1);
        run.take_and_commit(9);
        run.stop();
        run.start();
        run.take_and_commit(2);
      },
      channel::AckDurability::kStrict);
}

// Every crash of a put over two segments, and for each of them crashes of the start behind it.
TEST_P(CrashPointsTest, RecoveryItself) {
  for (const std::uint64_t seed : seeds(1)) {
    SCOPED_TRACE(replay_hint(seed));
    sweep_recovery(seed);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace spillway::test
