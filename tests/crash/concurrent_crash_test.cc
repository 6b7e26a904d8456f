// Power loss while several producers have several writes in flight: blocks behind a hole are on the
// disk, blocks before it are not. What was acknowledged is there, each producer's batches are whole
// and in its order, nothing counts as lost, and a second start finds the same.
//
// Which writes are in flight depends on the scheduler: a seed repeats the disk, not the threads.

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "channel/event_batch.h"
#include "tests/crash/channel_run.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/log.h"
#include "wal/base/random.h"

namespace spillway::test {
namespace {

constexpr std::size_t kProducers = 6;

channel::FileChannelOptions threaded_options(Writing writing) {
  channel::FileChannelOptions options = crash_options(writing);
  options.log.background = wal::Background::kThreads;
  options.log.overlap_bytes_min = 0;
  options.log.spare_slots_min = 1;
  options.log.nonce_seed = 0;
  return options;
}

struct PutBatch {
  std::vector<std::string> bodies;
  bool is_acknowledged = false;
};

// Puts until the power is gone.
void produce(channel::FileChannel& channel, std::size_t producer, std::uint64_t seed,
             std::atomic<std::size_t>& acknowledged, std::vector<PutBatch>& batches) {
  Random random(seed * kProducers + producer + 1);
  for (std::size_t number = 0;; ++number) {
    PutBatch put;
    channel::EventBatch events;
    const std::size_t count = random() % 5 + 1;
    const std::size_t bytes = random() % 8 == 0 ? 2500 : 40;  // some over several blocks
    for (std::size_t i = 0; i < count; ++i) {
      std::string body = fmt::format("{} {} {} ", producer, number, i);
      body.resize(std::max(body.size(), bytes), '.');
      events.add(body);
      put.bodies.push_back(std::move(body));
    }
    events.set_bookmark({.key = std::to_string(producer), .value = std::to_string(number)});
    put.is_acknowledged = channel.put(events).has_value();
    const bool is_over = !put.is_acknowledged;
    batches.push_back(std::move(put));
    if (is_over) return;
    acknowledged.fetch_add(1);
  }
}

// The bodies of each producer, in the order of delivery.
std::map<char, std::vector<std::string>> by_producer(const std::vector<std::string>& bodies) {
  std::map<char, std::vector<std::string>> sorted;
  for (const std::string& body : bodies) sorted[body.at(0)].push_back(body);
  return sorted;
}

void expect_kept(const std::vector<PutBatch>& batches, const std::vector<std::string>& found,
                 const std::optional<std::string_view>& bookmark) {
  std::vector<std::string> expected;
  std::size_t there_count = 0;
  for (const PutBatch& batch : batches) {
    const bool is_there =
        std::find(found.begin(), found.end(), batch.bodies.front()) != found.end();
    EXPECT_TRUE(is_there || !batch.is_acknowledged) << "lost: " << batch.bodies.front();
    if (!is_there) continue;
    expected.insert(expected.end(), batch.bodies.begin(), batch.bodies.end());
    ++there_count;
  }
  EXPECT_EQ(found, expected);
  const std::string last = there_count == 0 ? "" : std::to_string(there_count - 1);
  EXPECT_EQ(bookmark.value_or(""), last) << "not the last one's";
}

class ConcurrentCrashTest : public testing::TestWithParam<Writing> {};

INSTANTIATE_TEST_SUITE_P(Writing, ConcurrentCrashTest,
                         testing::Values(Writing::kPlain, Writing::kRing, Writing::kTwoDisks),
                         [](const auto& writing) { return writing_name(writing.param); });

TEST_P(ConcurrentCrashTest, AcknowledgedBatchesSurviveWholeAndInOrder) {
  set_log_level(LogLevel::kError);
  std::uint64_t images = 0;
  std::uint64_t holes = 0;  // images taken with more than one write in flight
  for (const std::uint64_t seed : seeds(25)) {
    SCOPED_TRACE(replay_hint(seed));
    SimDisk disk({.seed = seed, .is_slow = true});
    std::vector<std::vector<PutBatch>> batches(kProducers);
    {
      const FakeClock clock;
      channel::FileChannel channel(threaded_options(GetParam()), disk, clock);
      ASSERT_TRUE(channel.start().has_value());
      std::atomic<std::size_t> acknowledged{0};
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < kProducers; ++i) {
        threads.emplace_back([&, i] { produce(channel, i, seed, acknowledged, batches[i]); });
      }
      const bool has_run = eventually([&] { return acknowledged.load() >= 10 + seed * 7 % 100; });
      disk.crash_now();
      for (std::thread& thread : threads) thread.join();
      ASSERT_TRUE(has_run);
    }
    const auto pending = disk.pending();
    const auto in_flight = std::count_if(pending.begin(), pending.end(),
                                         [](const PendingOp& op) { return op.is_in_flight; });
    for (const Survivors& choice : survivor_choices(pending.size(), seed, 6)) {
      SCOPED_TRACE("survivors: " + choice.name);
      const auto image = disk.crash_image(choice);
      wal::Bookmarks bookmarks;
      const std::vector<std::string> found =
          reopened(*image, crash_options(GetParam()), &bookmarks);
      const auto sorted = by_producer(found);
      for (std::size_t i = 0; i < kProducers; ++i) {
        const auto mine = sorted.find(static_cast<char>('0' + i));
        expect_kept(batches[i], mine == sorted.end() ? std::vector<std::string>{} : mine->second,
                    bookmarks.find(std::to_string(i)));
      }
      wal::Bookmarks later;
      EXPECT_EQ(reopened(*image, crash_options(GetParam()), &later), found)
          << "at the second start";
      EXPECT_EQ(later, bookmarks) << "at the second start";
      ++images;
      if (in_flight > 1) ++holes;
      if (HasFailure()) return;
    }
  }
  note_tried(kCrashStates, images);
  EXPECT_GT(holes, 0U);
}

}  // namespace
}  // namespace spillway::test
