// A process with a channel is killed, again and again, on the same directory: every start finds
// what was promised before, whether the kill came at a random instant or at a named point of the
// storage calls, during recovery, too. The wall clock of every life is years away from that of the
// last.
//
// SPILLWAY_KILL_CYCLES=<n>: lives. SPILLWAY_SEED=<n>: another sequence of them.

#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

#include "tests/kernel/channel_life.h"
#include "tests/kernel/environment_number.h"
#include "tests/kernel/forked_process.h"
#include "tests/kernel/kill_timer.h"
#include "tests/kernel/killing_file_system.h"
#include "tests/kernel/ledger.h"
#include "tests/kernel/shared_memory.h"
#include "tests/support/look.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tried.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/base/random.h"

namespace spillway::test {
namespace {

constexpr std::uint32_t kBatchesPerLife = 12;
constexpr int kBroken = 3;

// Wrong by a constant, as after an operator has set it.
class WrongClock final : public Clock {
 public:
  explicit WrongClock(std::int64_t offset_ms) : offset_ms_(offset_ms) {}
  [[nodiscard]] std::uint64_t monotonic_ns() const override { return right_.monotonic_ns(); }
  [[nodiscard]] std::int64_t wall_ms() const override { return right_.wall_ms() + offset_ms_; }

 private:
  SystemClock right_;
  const std::int64_t offset_ms_;
};

struct Report {
  std::array<char, 4000> text;
};

class KillCyclesTest : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::kError); }

  // About as often as a life makes such calls.
  static std::uint64_t number_max(KillPoint point) {
    switch (point) {
      case KillPoint::kBlock:
      case KillPoint::kSubmit:
      case KillPoint::kReap:
        return 20;
      case KillPoint::kSegmentHeader:
      case KillPoint::kManifest:
        return 4;
      default:
        return 2;
    }
  }

  static KillPlan choose_kill(Random& random) {
    const auto points = static_cast<std::uint64_t>(kKillPointNames.size());
    const auto point = static_cast<KillPoint>(random.below(points));
    return {.point = point,
            .number = random.between(1, number_max(point)),
            .is_after = random.one_in(2)};
  }

  // In a process of its own: recovers, judges, and lives until it is killed or through.
  int one_life(std::uint64_t seed, const KillPlan& kill, Ledger& ledger, Report& report) {
    Random random(seed);
    KillingFileSystem file_system(kill);
    constexpr std::uint64_t kYearMs = 365ULL * 24 * 3600 * 1000;
    const WrongClock clock(static_cast<std::int64_t>(random.below(40 * kYearMs)) -
                           static_cast<std::int64_t>(20 * kYearMs));
    if (kill.point == KillPoint::kNone) kill_in(random.between(1, 30'000'000));
    const LifePlan plan{.seed = seed,
                        .batches = kBatchesPerLife,
                        .is_strict = random.one_in(2),
                        .has_ring = random.one_in(2),
                        .stops = random.one_in(2)};
    const auto judge = [&](channel::FileChannel& channel) {
      const auto there = look(channel);
      const std::string wrong = ledger.broken_promise(there, UINT64_MAX);
      if (!wrong.empty()) {
        std::strncpy(report.text.data(), wrong.c_str(), report.text.size() - 1);
        ::_exit(kBroken);
      }
      ledger.adopt(there, 0);
      ledger.forget_takes(there);
    };
    const bool is_good = live_from({.file_system = file_system, .clock = clock, .judge = judge},
                                   directory_.path().string(), plan, ledger);
    return is_good && !HasFailure() ? 0 : 1;
  }

  TempDir directory_;
};

TEST_F(KillCyclesTest, EveryStartFindsWhatWasPromised) {
  const std::uint64_t cycles = environment_number("SPILLWAY_KILL_CYCLES", 60);
  const std::uint64_t first_seed = environment_number("SPILLWAY_SEED", 1);
  Ledger ledger((cycles + 1) * kBatchesPerLife + 1);
  SharedMemory<Report> report;
  std::array<std::uint64_t, kKillPointNames.size()> killed{};
  std::uint64_t survived = 0;
  for (std::uint64_t cycle = 0; cycle < cycles; ++cycle) {
    const std::uint64_t seed = first_seed * 1'000'000 + cycle;
    Random random(seed);
    // Half of the lives end at a random instant.
    const KillPlan kill = random.one_in(2) ? KillPlan{} : choose_kill(random);
    ForkedProcess life([&] { return one_life(seed, kill, ledger, *report); });
    const int status = life.wait();
    ASSERT_TRUE(status == 0 || status == -SIGKILL)
        << "life " << cycle << " of SPILLWAY_SEED=" << first_seed << ", to be killed at "
        << kKillPointNames[static_cast<std::size_t>(kill.point)] << " " << kill.number
        << ", ended with " << status << ": " << report->text.data();
    if (status == 0) ++survived;
    if (status != 0) ++killed[static_cast<std::size_t>(kill.point)];
  }
  std::printf(
      "%llu lives, %llu ended by themselves, %llu batches acknowledged, %llu events settled",
      static_cast<unsigned long long>(cycles), static_cast<unsigned long long>(survived),
      static_cast<unsigned long long>(ledger.acknowledged_batches()),
      static_cast<unsigned long long>(ledger.settled_events()));
  for (std::size_t i = 0; i < killed.size(); ++i) {
    std::printf("%s%s: %llu", i == 0 ? "\nkilled at a random instant" : "; ",
                i == 0 ? "" : kKillPointNames[i], static_cast<unsigned long long>(killed[i]));
  }
  std::printf("\n");
  note_tried(kCrashStates, cycles - survived);
  note_seeds(first_seed, first_seed);
  EXPECT_LT(survived, cycles);
}

}  // namespace
}  // namespace spillway::test
