// What channel/channel.h promises to many threads: nothing lost, doubled or reordered under any
// number of producers and consumers, and every waiting thread is woken by what it waits for.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/channel_kind.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "wal/base/mutex.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kLong{60'000};

struct ChannelThreadsTest : testing::TestWithParam<test::ChannelKind> {
  std::unique_ptr<test::ChannelHome> home = GetParam().make_home();

  std::unique_ptr<Channel> started(const test::ChannelLimits& limits) {
    auto channel = home->create(limits);
    EXPECT_TRUE(channel->start().has_value());
    return channel;
  }
};

// Runs `call` on a thread and gives it every chance to reach the wait inside. Whether it got there
// must not matter to the test: an early or a late arrival has to end the same way.
template <class Call>
auto run_into_wait(Call call) {
  auto has_begun = std::make_shared<std::atomic<bool>>(false);
  auto future = std::async(std::launch::async, [has_begun, call] {
    has_begun->store(true);
    return call();
  });
  EXPECT_TRUE(test::eventually([&] { return has_begun->load(); }));
  test::give_way();
  return future;
}

TEST_P(ChannelThreadsTest, PutWakesAWaitingTake) {
  const auto channel = started({});
  auto bodies = run_into_wait(
      [&channel] { return test::bodies_of(channel->take(5, kLong).value()->events()); });
  ASSERT_TRUE(channel->put(batch_of({"a", "b"})).has_value());
  EXPECT_THAT(bodies.get(), ElementsAre("a", "b"));
  channel->stop();
}

TEST_P(ChannelThreadsTest, OnePutWakesAsManyTakesAsItHasEventsFor) {
  const auto channel = started({});
  const auto take_one = [&channel] {
    auto taken = std::move(channel->take(1, kLong).value());
    EXPECT_TRUE(taken->commit().has_value());
  };
  auto first = run_into_wait(take_one);
  auto second = run_into_wait(take_one);
  ASSERT_TRUE(channel->put(batch_of({"a", "b"})).has_value());
  first.get();
  second.get();
  EXPECT_EQ(channel->size_events(), 0U);
  channel->stop();
}

TEST_P(ChannelThreadsTest, RollbackWakesAWaitingTake) {
  const auto channel = started({});
  ASSERT_TRUE(channel->put(batch_of({"a"})).has_value());
  auto taken = std::move(channel->take(1, milliseconds(0)).value());
  auto bodies = run_into_wait(
      [&channel] { return test::bodies_of(channel->take(1, kLong).value()->events()); });
  taken->rollback();
  EXPECT_THAT(bodies.get(), ElementsAre("a"));
  channel->stop();
}

TEST_P(ChannelThreadsTest, CommitOfATakeLetsAWaitingPutIn) {
  const auto channel =
      started({.capacity_events = 2, .transaction_capacity_events = 2, .keep_alive = kLong});
  ASSERT_TRUE(channel->put(batch_of({"a", "b"})).has_value());
  auto put = run_into_wait([&channel] { return channel->put(batch_of({"c"})); });
  EXPECT_THAT(test::take_and_commit(*channel, 1), ElementsAre("a"));
  EXPECT_TRUE(put.get().has_value());
  EXPECT_THAT(test::drain(*channel), ElementsAre("b", "c"));
  channel->stop();
}

TEST_P(ChannelThreadsTest, InterruptEndsAWaitingTakeWithNothing) {
  const auto channel = started({});
  std::atomic<bool> is_over{false};
  auto is_empty = run_into_wait([&] {
    const bool result = channel->take(1, kLong).value()->events().empty();
    is_over = true;
    return result;
  });
  // Repeated, because only takes that wait already are woken.
  EXPECT_TRUE(test::eventually([&] {
    channel->interrupt_takes();
    return is_over.load();
  }));
  EXPECT_TRUE(is_empty.get());
  channel->stop();
}

TEST_P(ChannelThreadsTest, StopFailsWaitingPuts) {
  const auto channel =
      started({.capacity_events = 1, .transaction_capacity_events = 1, .keep_alive = kLong});
  ASSERT_TRUE(channel->put(batch_of({"a"})).has_value());
  auto first = run_into_wait([&channel] { return channel->put(batch_of({"b"})).error().code; });
  auto second = run_into_wait([&channel] { return channel->put(batch_of({"c"})).error().code; });
  channel->stop();
  EXPECT_EQ(first.get(), Errc::kClosed);
  EXPECT_EQ(second.get(), Errc::kClosed);
}

// A take on its way into the wait must not miss the stop: tried at many distances between the two.
TEST_P(ChannelThreadsTest, StopFailsTakesThatWaitOrAreAboutTo) {
  const int step = GetParam().cost == 1 ? 1 : 4;
  for (int distance = 0; distance < 40; distance += step) {
    const auto fresh_home = GetParam().make_home();
    const auto channel = fresh_home->create({});
    ASSERT_TRUE(channel->start().has_value());
    std::atomic<bool> has_begun{false};
    auto take = std::async(std::launch::async, [&] {
      has_begun = true;
      return channel->take(1, kLong).error().code;
    });
    while (!has_begun) std::this_thread::yield();
    for (std::atomic<int> i = 0; i < distance * distance; ++i) continue;
    const auto before = std::chrono::steady_clock::now();
    channel->stop();
    ASSERT_EQ(take.get(), Errc::kClosed);
    ASSERT_LT(std::chrono::steady_clock::now() - before, kLong / 2) << "it was not woken";
  }
}

// Producers that put numbered events until each has put `events_each`; what was refused for lack
// of room is tried again, as a source does.
class Producers {
 public:
  Producers(Channel& channel, std::size_t count, std::size_t events_each) {
    for (std::size_t id = 0; id < count; ++id) {
      threads_.emplace_back([&channel, id, events_each] { run(channel, id, events_each); });
    }
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  static void run(Channel& channel, std::size_t id, std::size_t events_each) {
    Random random(id + 1);
    std::size_t next = 0;
    while (next < events_each) {
      const std::size_t count = std::min(events_each - next, std::size_t{random.between(1, 20)});
      EventBatch batch;
      for (std::size_t i = 0; i < count; ++i) {
        batch.add(std::to_string(id) + ":" + std::to_string(next + i));
      }
      const auto result = channel.put(batch);
      if (result.has_value()) {
        next += count;
      } else if (result.error().code != Errc::kFull) {
        ADD_FAILURE() << to_string(result.error());
        return;
      }
    }
  }

  std::vector<std::thread> threads_;
};

std::pair<std::size_t, std::size_t> parse_body(std::string_view body) {
  const std::size_t colon = body.find(':');
  return {std::stoul(std::string(body.substr(0, colon))),
          std::stoul(std::string(body.substr(colon + 1)))};
}

// Takes until `wanted` events are committed by all consumers together; rolls back one take in four.
void consume(Channel& channel, std::uint64_t seed, std::size_t wanted,
             std::atomic<std::size_t>& committed,
             const std::function<void(std::span<const EventView>)>& on_commit) {
  Random random(seed);
  while (committed.load() < wanted) {
    auto taken = channel.take(random.between(1, 30), milliseconds(5));
    if (!taken.has_value()) {
      ADD_FAILURE() << to_string(taken.error());
      return;
    }
    TakeTransaction& transaction = *taken.value();
    if (random.one_in(4)) {
      if (random.one_in(2)) transaction.rollback();  // otherwise the destructor does
      continue;
    }
    const std::vector<EventView> events(transaction.events().begin(), transaction.events().end());
    on_commit(events);  // before commit(): the views die with the transaction
    if (!transaction.commit().has_value()) {
      ADD_FAILURE() << "commit failed";
      return;
    }
    committed.fetch_add(events.size());
  }
}

TEST_P(ChannelThreadsTest, NothingIsLostOrDoubledAmongManyProducersAndConsumers) {
  constexpr std::size_t kProducers = 4;
  constexpr std::size_t kConsumers = 4;
  constexpr std::size_t kEventsEach = 10'000;
  const auto channel = started(
      {.capacity_events = 100, .transaction_capacity_events = 50, .keep_alive = milliseconds(50)});
  Mutex mutex;
  std::multiset<std::pair<std::size_t, std::size_t>> seen;
  std::atomic<std::size_t> committed{0};
  Producers producers(*channel, kProducers, kEventsEach);
  std::vector<std::thread> consumers;
  for (std::size_t id = 0; id < kConsumers; ++id) {
    consumers.emplace_back([&, id] {
      consume(*channel, 100 + id, kProducers * kEventsEach, committed,
              [&](std::span<const EventView> events) {
                const MutexLock lock(mutex);
                for (const EventView& event : events) seen.insert(parse_body(event.body()));
              });
    });
  }
  producers.join();
  for (std::thread& consumer : consumers) consumer.join();

  ASSERT_EQ(seen.size(), kProducers * kEventsEach);
  for (std::size_t id = 0; id < kProducers; ++id) {
    for (std::size_t i = 0; i < kEventsEach; ++i) ASSERT_EQ(seen.count({id, i}), 1U);
  }
  EXPECT_EQ(channel->size_events(), 0U);
  EXPECT_EQ(channel->counters().put_successes.value(), kProducers * kEventsEach);
  EXPECT_EQ(channel->counters().take_successes.value(), kProducers * kEventsEach);
  channel->stop();
}

TEST_P(ChannelThreadsTest, OneConsumerSeesEachProducersOrderInSpiteOfRollbacks) {
  constexpr std::size_t kProducers = 4;
  constexpr std::size_t kEventsEach = 10'000;
  const auto channel = started(
      {.capacity_events = 60, .transaction_capacity_events = 50, .keep_alive = milliseconds(50)});
  std::vector<std::size_t> next(kProducers, 0);
  std::atomic<std::size_t> committed{0};
  Producers producers(*channel, kProducers, kEventsEach);
  consume(*channel, 7, kProducers * kEventsEach, committed, [&](std::span<const EventView> events) {
    for (const EventView& event : events) {
      const auto [id, number] = parse_body(event.body());
      ASSERT_EQ(number, next.at(id));
      ++next.at(id);
    }
  });
  producers.join();
  EXPECT_EQ(channel->size_events(), 0U);
  channel->stop();
}

// The order of a supervisor: consumers end first, because stop() wants no open transaction.
TEST_P(ChannelThreadsTest, StopUnderProducersHangsNobody) {
  const auto channel =
      started({.capacity_events = 40, .transaction_capacity_events = 20, .keep_alive = kLong});
  std::vector<std::thread> producers;
  for (int i = 0; i < 3; ++i) {
    producers.emplace_back([&channel] {
      Result<void> result;
      while (result.has_value()) result = channel->put(test::numbered_batch("e", 7));
      EXPECT_EQ(result.error().code, Errc::kClosed);
    });
  }
  std::size_t taken_events = 0;
  while (taken_events < 500) taken_events += test::take_and_commit(*channel, 5).size();
  channel->stop();
  for (std::thread& producer : producers) producer.join();
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChannelThreadsTest, testing::ValuesIn(test::channel_kinds()),
                         test::kind_name);

}  // namespace
}  // namespace spillway::channel
