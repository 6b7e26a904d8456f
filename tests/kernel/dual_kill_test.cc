// A process with a dual channel is killed at random instants, again and again, on the same
// directory. With the memory in front of the log, what is lost is the newest part of what was in
// memory and not older than maxResidentMillis; with durability = commit nothing is lost. Never is
// anything doubled or out of order.
//
// SPILLWAY_KILL_CYCLES=<n>: lives of each kind. SPILLWAY_SEED=<n>: another sequence of them.

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "channel/dual_channel.h"
#include "tests/kernel/channel_life.h"
#include "tests/kernel/environment_number.h"
#include "tests/kernel/forked_process.h"
#include "tests/kernel/kill_timer.h"
#include "tests/kernel/shared_memory.h"
#include "tests/support/events.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/base/log.h"
#include "wal/base/random.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {
namespace {

using channel::DualChannel;
using channel::FileChannel;
using std::chrono::milliseconds;

constexpr std::uint64_t kEventsPerLife = 4000;
constexpr std::uint64_t kLifeNsMax = 400'000'000;
constexpr milliseconds kResidentMax{500};
constexpr int kBroken = 3;

// What is known of one event, across all lives. Its body is its number.
struct EventRow {
  std::atomic<std::uint64_t> put_ns;  // before put() was called
  std::atomic<bool> is_acknowledged;
  std::atomic<bool> is_commit_begun;  // of a take with it
  std::atomic<bool> is_gone;          // a start has not found it
};

struct Shared {
  std::atomic<std::uint64_t> begun;       // events whose put() has been called
  std::atomic<std::uint64_t> first_open;  // all before are gone
  std::atomic<std::uint64_t> kill_ns;     // the last life ended then, or later
  std::atomic<std::uint64_t> recovered;
  std::atomic<std::uint64_t> lost;
  std::atomic<std::uint64_t> oldest_lost_ns;  // of all: how old when it was lost
  std::array<char, 1000> report;
};

std::uint64_t number_of(std::string_view body) {
  std::uint64_t number = UINT64_MAX;
  std::from_chars(body.data(), body.data() + body.size(), number);
  return number;
}

class DualKillTest : public testing::TestWithParam<bool> {
 protected:
  static bool is_durable() { return GetParam(); }

  void SetUp() override { set_log_level(LogLevel::kError); }

  std::unique_ptr<channel::Channel> create(Random& random) {
    const LifePlan plan{.is_strict = random.one_in(2), .has_ring = random.one_in(2)};
    channel::FileChannelOptions log = life_options(directory_.path().string(), plan);
    log.keep_alive = std::chrono::minutes(1);
    if (is_durable()) {
      log.log.cache_bytes_max = 1 * kMiB;
      return std::make_unique<FileChannel>(std::move(log), file_system_, clock_);
    }
    channel::DualChannelOptions options;
    options.log = std::move(log);
    options.memory_events = random.between(20, 2000);
    options.resident_max = kResidentMax;
    options.is_spilling_forced = random.one_in(8);
    return std::make_unique<DualChannel>(std::move(options), file_system_, clock_);
  }

  // What is wrong with what a start has found after a kill; empty when all is well.
  std::string judge(const std::vector<std::string>& there) {
    std::vector<std::uint64_t> found;
    for (const std::string& body : there) {
      const std::uint64_t number = number_of(body);
      if (number >= shared_->begun) return "never put: " + body.substr(0, 30);
      if (!found.empty() && number <= found.back()) return "twice or out of order: " + body;
      if (rows_.all()[number].is_gone) return "came back: " + body;
      found.push_back(number);
    }
    for (std::uint64_t number = shared_->first_open; number < shared_->begun; ++number) {
      EventRow& row = rows_.all()[number];
      const bool is_there = std::binary_search(found.begin(), found.end(), number);
      const bool is_lost = !is_there && !row.is_gone && row.is_acknowledged && !row.is_commit_begun;
      if (!is_lost) continue;
      if (is_durable()) return "lost: " + std::to_string(number);
      if (!found.empty() && number < found.back()) {
        return "lost before others that are there: " + std::to_string(number);
      }
      const std::uint64_t age_ns =
          shared_->kill_ns - std::min(shared_->kill_ns.load(), row.put_ns.load());
      if (milliseconds(age_ns / 1'000'000) > kResidentMax) {
        return "lost at the age of " + std::to_string(age_ns / 1'000'000) + " ms";
      }
      ++shared_->lost;
      shared_->oldest_lost_ns = std::max(shared_->oldest_lost_ns.load(), age_ns);
    }
    adopt(found);
    return {};
  }

  // Who is killed in here is judged once more by the same rows.
  void adopt(const std::vector<std::uint64_t>& found) {
    shared_->recovered += found.size();
    for (std::uint64_t number = shared_->first_open; number < shared_->begun; ++number) {
      EventRow& row = rows_.all()[number];
      if (std::binary_search(found.begin(), found.end(), number)) {
        row.is_acknowledged = true;
        row.is_commit_begun = false;
        row.put_ns = 0;  // has been on the disk: must not be lost any more
      } else {
        row.is_gone = true;
      }
    }
    shared_->first_open = found.empty() ? shared_->begun.load() : found.front();
  }

  void produce(channel::Channel& channel, std::uint64_t seed) {
    Random random(seed + 1);
    const std::uint64_t end = std::min<std::uint64_t>(
        shared_->begun + random.between(20, kEventsPerLife), rows_.all().size());
    while (shared_->begun < end) {
      channel::EventBatch batch;
      const std::uint64_t first = shared_->begun;
      const std::uint64_t count = std::min(random.between(1, 30), end - first);
      const std::size_t bytes = random.one_in(10) ? 3000 : 100;
      for (std::uint64_t i = first; i < first + count; ++i) {
        std::string body = std::to_string(i) + " ";
        body.resize(bytes, 'x');
        rows_.all()[i].put_ns = clock_.monotonic_ns();
        batch.add(body);
      }
      shared_->begun = first + count;
      if (!channel.put(batch).has_value()) ::_exit(kBroken + 1);
      for (std::uint64_t i = first; i < first + count; ++i) rows_.all()[i].is_acknowledged = true;
      if (random.one_in(10)) give_way_for(random.between(1, 20));
    }
  }

  static void give_way_for(std::uint64_t ms) { ::poll(nullptr, 0, static_cast<int>(ms)); }

  // Keeps up in some lives, falls behind in others.
  [[noreturn]] void consume(channel::Channel& channel, std::uint64_t seed) {
    Random random(seed + 2);
    const std::uint64_t laziness = random.between(1, 40);
    while (true) {
      auto taken = channel.take(random.between(1, 200), milliseconds(20));
      if (!taken.has_value()) ::_exit(kBroken + 2);
      if (random.one_in(4)) give_way_for(random.below(laziness));
      if (random.one_in(6)) {
        taken.value()->rollback();
        continue;
      }
      for (const auto& event : taken.value()->events()) {
        rows_.all()[number_of(event.body())].is_commit_begun = true;
      }
      if (!taken.value()->commit().has_value()) ::_exit(kBroken + 2);
    }
  }

  void report(const std::string& text) {
    shared_->report[text.copy(shared_->report.data(), shared_->report.size() - 1)] = '\0';
  }

  int one_life(std::uint64_t seed) {
    Random random(seed);
    const auto channel = create(random);
    const auto started = channel->start();
    if (!started.has_value()) {
      report("start: " + to_string(started.error()));
      return kBroken;
    }
    std::vector<std::unique_ptr<channel::TakeTransaction>> open;
    std::vector<std::string> there;
    while (channel->size_events() > there.size()) {
      auto taken = channel->take(channel->transaction_capacity(), milliseconds(0));
      if (!taken.has_value() || taken.value()->events().empty()) return kBroken;
      for (std::string& body : bodies_of(taken.value()->events())) there.push_back(std::move(body));
      open.push_back(std::move(taken.value()));
    }
    for (auto& transaction : open) transaction->rollback();
    const std::string wrong = judge(there);
    report(wrong);
    if (!wrong.empty()) return kBroken;
    const std::uint64_t life_ns = random.between(1'000'000, kLifeNsMax);
    shared_->kill_ns = clock_.monotonic_ns() + life_ns;
    kill_in(life_ns);
    const std::jthread producer([&] { produce(*channel, seed); });
    consume(*channel, seed);
  }

  TempDir directory_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  const std::uint64_t cycles_ = environment_number("SPILLWAY_KILL_CYCLES", 25);
  SharedMemory<Shared> shared_;
  SharedMemory<EventRow> rows_{(cycles_ + 1) * kEventsPerLife};
};

TEST_P(DualKillTest, WhatAStartFindsIsWhatWasPromised) {
  const std::uint64_t first_seed = environment_number("SPILLWAY_SEED", 1);
  for (std::uint64_t cycle = 0; cycle < cycles_; ++cycle) {
    ForkedProcess life([&] { return one_life(first_seed * 1'000'000 + cycle * 10); });
    const int status = life.wait();
    ASSERT_EQ(status, -SIGKILL) << "life " << cycle << " of SPILLWAY_SEED=" << first_seed << ": "
                                << shared_->report.data();
  }
  std::printf(
      "%llu kills, %llu events put, %llu found by starts, %llu lost, none older than %llu ms\n",
      static_cast<unsigned long long>(cycles_),
      static_cast<unsigned long long>(shared_->begun.load()),
      static_cast<unsigned long long>(shared_->recovered.load()),
      static_cast<unsigned long long>(shared_->lost.load()),
      static_cast<unsigned long long>(shared_->oldest_lost_ns / 1'000'000));
  EXPECT_GT(shared_->recovered, 0U);
  EXPECT_EQ(shared_->lost == 0, is_durable()) << "no kill came at an interesting moment";
}

INSTANTIATE_TEST_SUITE_P(Durability, DualKillTest, testing::Bool(),
                         [](const auto& kase) { return kase.param ? "Commit" : "Memory"; });

}  // namespace
}  // namespace spillway::test
