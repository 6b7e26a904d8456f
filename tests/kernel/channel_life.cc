#include "tests/kernel/channel_life.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "tests/support/events.h"
#include "tests/support/look.h"
#include "tests/support/recorded_metrics.h"
#include "wal/base/check.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/base/random.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

using channel::FileChannel;
using std::chrono::milliseconds;

constexpr std::uint64_t kBacklogEvents = 60;

class Life {
 public:
  Life(FileChannel& channel, const LifePlan& plan, Ledger& ledger,
       const std::function<Moment()>& now)
      : channel_(channel), plan_(plan), ledger_(ledger), now_(now) {}

  bool run() {
    {
      std::vector<std::jthread> producers;
      for (std::uint32_t i = 0; i < kLedgerProducers; ++i) {
        producers.emplace_back([this, i] { produce(i); });
      }
      const std::jthread consumer([this] { consume(); });
      producers.clear();  // joins
      is_done_ = true;
      channel_.interrupt_takes();
    }
    return plan_.may_fail || failures_ == 0;
  }

 private:
  static constexpr std::uint32_t kFailuresMax = 5;

  [[nodiscard]] bool goes_on() const { return failures_ < (plan_.may_fail ? kFailuresMax : 1); }

  void produce(std::uint32_t producer) {
    Random random(plan_.seed * 100 + producer);
    for (std::uint32_t i = 0; i < plan_.batches && goes_on(); ++i) {
      const auto count = static_cast<std::uint32_t>(random.between(1, 6));
      // Now and then one that takes several blocks.
      const std::uint64_t bytes_max = random.one_in(15) ? 9000 : random.one_in(3) ? 2000 : 200;
      const auto bytes = static_cast<std::uint32_t>(random.between(1, bytes_max));
      const auto bodies = ledger_.begin_put(producer, count, bytes, now_());
      const auto done = channel_.put(batch_of(bodies));
      if (done.has_value()) ledger_.acknowledge_last(producer, now_());
      if (!done.has_value()) note_failure("put", done.error());
    }
  }

  void consume() {
    Random random(plan_.seed * 100 + 99);
    while (!is_done_ && goes_on()) {
      if (channel_.size_events() < random.below(kBacklogEvents)) {
        std::this_thread::yield();
        continue;
      }
      auto taken = channel_.take(random.between(1, 20), milliseconds(10));
      if (!taken.has_value()) {
        note_failure("take", taken.error());
        continue;
      }
      if (taken.value()->events().empty()) continue;
      if (random.one_in(6)) {
        taken.value()->rollback();
        continue;
      }
      const std::vector<std::string> bodies = bodies_of(taken.value()->events());
      ledger_.begin_take(bodies, now_());
      const auto done = taken.value()->commit();
      if (!done.has_value()) note_failure("commit", done.error());
      if (plan_.is_strict && done.has_value()) ledger_.settle(bodies, now_());
    }
  }

  void note_failure(const char* what, const Error& error) {
    ++failures_;
    if (!plan_.may_fail) log_error("life.failed", what, {{"error", error}});
  }

  FileChannel& channel_;
  const LifePlan plan_;
  Ledger& ledger_;
  const std::function<Moment()>& now_;
  std::atomic<bool> is_done_{false};
  std::atomic<std::uint32_t> failures_{0};
};

}  // namespace

channel::FileChannelOptions life_options(const std::string& path, const LifePlan& plan) {
  channel::FileChannelOptions options{.name = "life",
                                      .checkpoint_dir = path + "/checkpoint",
                                      .data_dirs = {path + "/data"},
                                      .capacity_events = 100'000,
                                      .transaction_capacity = 1000};
  options.checkpoint_bytes = 48 * kKiB;
  options.ack_durability =
      plan.is_strict ? channel::AckDurability::kStrict : channel::AckDurability::kLazy;
  if (!plan.is_durable) options.log.block_durability = io::Durability::kNone;
  options.log.slot_bytes = 128 * kKiB;
  options.log.block_bytes_max = 16 * kKiB;
  options.log.staging_bytes_max = 128 * kKiB;
  options.log.cache_bytes_max = 32 * kKiB;
  options.log.read_bytes = 32 * kKiB;
  options.log.read_ahead_bytes = 64 * kKiB;
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 2;
  options.log.cut_bytes = 48 * kKiB;
  options.log.overlap_bytes_min = 0;
  options.log.write_path = plan.has_ring ? wal::WritePath::kRing : wal::WritePath::kThreads;
  return options;
}

bool live_from(const LifeSupport& support, const std::string& path, const LifePlan& plan,
               Ledger& ledger) {
  FileChannel channel(life_options(path, plan), support.file_system, support.clock);
  const auto started = channel.start();
  if (!started.has_value()) {
    log_error("life.failed", "start", {{"error", started.error()}});
    return false;
  }
  if (support.judge) support.judge(channel);
  const bool is_good = Life(channel, plan, ledger, support.now).run();
  if (!plan.stops) ::_exit(is_good ? 0 : 1);
  channel.stop();
  return is_good;
}

bool live(io::FileSystem& file_system, const std::string& path, const LifePlan& plan,
          Ledger& ledger, const std::function<Moment()>& now) {
  const SystemClock clock;
  return live_from({.file_system = file_system, .clock = clock, .judge = {}, .now = now}, path,
                   plan, ledger);
}

Result<std::vector<std::string>> try_look_after_start(const std::string& path, const Then& then) {
  io::PosixFileSystem file_system;
  const SystemClock clock;
  channel::FileChannelOptions options = life_options(path, {});
  options.log.background = wal::Background::kNone;
  FileChannel channel(std::move(options), file_system, clock);
  TRY(channel.start());
  EXPECT_EQ(RecordedMetrics(channel).counters.at("lost_events_total"), 0U);
  for (const checkpoint::Finding& finding : channel.recovered().findings) {
    EXPECT_NE(finding.kind, checkpoint::Finding::Kind::kLost) << finding.row;
  }
  std::vector<std::string> bodies = look(channel);
  if (then) then(channel);
  channel.stop();
  return bodies;
}

std::vector<std::string> look_after_start(const std::string& path, const Then& then) {
  auto bodies = try_look_after_start(path, then);
  EXPECT_TRUE(bodies.has_value()) << to_string(bodies.error());
  return bodies.has_value() ? std::move(bodies.value()) : std::vector<std::string>();
}

}  // namespace spillway::test
