// Producers and consumers of a dual channel that spills and recovers again and again, with
// rollbacks and restarts: nothing is lost, nothing comes twice, nothing out of its order.
//
// SPILLWAY_SPILL_EVENTS=<n>: events. SPILLWAY_SEED=<n>: another sequence of decisions.

#include <gtest/gtest.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "channel/dual_channel.h"
#include "tests/kernel/environment_number.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/sim_disk.h"
#include "wal/base/mutex.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kProducers = 3;
constexpr std::uint64_t kEventsPerStart = 50'000;

// What was put and what has come out. Bodies are "<producer>:<number>".
class Account {
 public:
  struct Event {
    std::size_t producer = 0;
    std::uint64_t number = 0;
  };

  static Event parse(std::string_view body) {
    Event event;
    const std::size_t colon = body.find(':');
    if (colon == std::string_view::npos) return {.producer = kProducers};
    std::from_chars(body.data(), body.data() + colon, event.producer);
    std::from_chars(body.data() + colon + 1, body.data() + body.size(), event.number);
    return event;
  }

  // Of one producer, within one take: without a gap, since nothing else may lie in between.
  void check_take(const TakeTransaction& taken) {
    std::vector<std::uint64_t> next(kProducers, UINT64_MAX);
    for (const EventView& view : taken.events()) {
      const Event event = parse(view.body());
      if (event.producer >= kProducers) return fail("never put", view.body());
      std::uint64_t& expected = next[event.producer];
      if (expected != UINT64_MAX && event.number < expected) fail("out of order", view.body());
      expected = event.number + 1;
    }
  }

  // The only consumer has to see every producer's events one after the other.
  void check_lone_take(const TakeTransaction& taken) {
    const MutexLock lock(mutex_);
    std::vector<std::uint64_t> next(kProducers, 0);
    for (std::size_t i = 0; i < kProducers; ++i) next[i] = first_open_[i];
    for (const EventView& view : taken.events()) {
      const Event event = parse(view.body());
      if (event.producer < kProducers && event.number == next[event.producer]++) continue;
      return fail("lost or out of order", view.body());
    }
  }

  void note_delivered(const TakeTransaction& taken) {
    const MutexLock lock(mutex_);
    for (const EventView& view : taken.events()) {
      const Event event = parse(view.body());
      if (event.producer >= kProducers) continue;
      std::vector<bool>& mine = delivered_[event.producer];
      if (mine.size() <= event.number) mine.resize(event.number + 1, false);
      if (mine[event.number]) fail("twice", view.body());
      mine[event.number] = true;
      std::uint64_t& open = first_open_[event.producer];
      while (open < mine.size() && mine[open]) ++open;
    }
  }

  [[nodiscard]] std::uint64_t delivered_in_a_row(std::size_t producer) const {
    const MutexLock lock(mutex_);
    return first_open_[producer];
  }
  [[nodiscard]] bool is_wrong() const { return is_wrong_.load(); }

 private:
  void fail(const char* what, std::string_view body) {
    if (!is_wrong_.exchange(true)) ADD_FAILURE() << what << ": " << body;
  }

  mutable Mutex mutex_;
  std::vector<std::vector<bool>> delivered_ GUARDED_BY(mutex_) =
      std::vector<std::vector<bool>>(kProducers);
  std::vector<std::uint64_t> first_open_ GUARDED_BY(mutex_) = std::vector<std::uint64_t>(kProducers,
                                                                                         0);
  std::atomic<bool> is_wrong_{false};
};

struct DualChannelSpillsTest : testing::TestWithParam<std::size_t> {
  const std::uint64_t seed = test::environment_number("SPILLWAY_SEED", 1);
  const std::uint64_t events = test::environment_number("SPILLWAY_SPILL_EVENTS", 60'000);
  SystemClock clock;
  test::SimDisk disk;
  std::unique_ptr<DualChannel> channel;
  Account account;
  std::vector<std::uint64_t> put = std::vector<std::uint64_t>(kProducers, 0);
  std::atomic<std::size_t> producers_left{0};
  std::atomic<bool> is_draining{false};
  std::uint64_t openings = 0;
  std::uint64_t spills = 0;

  void open() {
    DualChannelOptions options;
    options.log = test::small_file_channel("/c1", {.capacity_events = 2000,
                                                   .transaction_capacity_events = 100,
                                                   .keep_alive = std::chrono::minutes(2)});
    options.log.log.nonce_seed = ++openings;
    options.memory_events = 40;
    options.resident_max = milliseconds(20);
    channel = std::make_unique<DualChannel>(std::move(options), disk, clock);
    const auto started = channel->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }

  void produce(std::size_t producer, std::uint64_t count) {
    Random random(seed * 1000 + openings * 10 + producer);
    std::uint64_t& next = put[producer];
    const std::uint64_t end = next + count;
    while (next < end && !account.is_wrong()) {
      // Lets the channel get empty now and then, most of the time.
      if (is_draining && !random.one_in(20)) {
        std::this_thread::yield();
        continue;
      }
      EventBatch batch;
      for (std::uint64_t n = random.between(1, 12); n > 0 && next < end; --n) {
        batch.add(std::to_string(producer) + ":" + std::to_string(next++));
      }
      const auto done = channel->put(batch);
      EXPECT_TRUE(done.has_value()) << to_string(done.error());
      if (!done.has_value()) break;
    }
    --producers_left;
  }

  void take_one(Random& random, bool is_alone) {
    const auto taken = channel->take(random.between(1, 100), milliseconds(0));
    ASSERT_TRUE(taken.has_value()) << to_string(taken.error());
    if (is_alone) account.check_lone_take(*taken.value());
    account.check_take(*taken.value());
    if (random.one_in(5)) return taken.value()->rollback();
    if (random.one_in(300)) test::give_way();  // long enough to be moved out of our hands
    const auto done = taken.value()->commit();
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
    account.note_delivered(*taken.value());
  }

  // Waits for a backlog, drains it, and so on, until the producers are through.
  void consume(std::size_t consumer) {
    Random random(seed * 2000 + openings * 10 + consumer);
    while (producers_left > 0 && !account.is_wrong() && !HasFatalFailure()) {
      const std::uint64_t backlog = random.one_in(10) ? 1 : random.between(36, 200);
      while (channel->size_events() < backlog && producers_left > 0) std::this_thread::yield();
      is_draining = true;
      while (channel->size_events() > 0 && !account.is_wrong() && !HasFatalFailure()) {
        take_one(random, GetParam() == 1);
      }
      is_draining = false;
    }
  }

  void run_until_stop(std::uint64_t each) {
    producers_left = kProducers;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kProducers; ++i) {
      threads.emplace_back([this, i, each] { produce(i, each); });
    }
    for (std::size_t i = 0; i < GetParam(); ++i) {
      threads.emplace_back([this, i] { consume(i); });
    }
    for (std::thread& thread : threads) thread.join();
    spills += channel->spills();
  }
};

TEST_P(DualChannelSpillsTest, LoseDoubleAndReorderNothing) {
  std::uint64_t left = events;
  while (left > 0 && !HasFailure()) {
    const std::uint64_t now = std::min(left, kEventsPerStart);
    left -= now;
    open();
    run_until_stop(now / kProducers);
    channel->stop();  // what is in memory goes to the log
  }
  open();
  Random random(seed);
  while (channel->size_events() > 0 && !HasFailure()) take_one(random, GetParam() == 1);
  for (std::size_t i = 0; i < kProducers; ++i) {
    EXPECT_EQ(account.delivered_in_a_row(i), put[i]) << "of producer " << i;
  }
  channel->stop();
  std::printf("%llu events through %llu spills and %llu starts\n",
              static_cast<unsigned long long>(events), static_cast<unsigned long long>(spills),
              static_cast<unsigned long long>(openings));
  EXPECT_GE(spills, events / 1000) << "too few to say anything";
}

INSTANTIATE_TEST_SUITE_P(Consumers, DualChannelSpillsTest, testing::Values(1, 3));

}  // namespace
}  // namespace spillway::channel
