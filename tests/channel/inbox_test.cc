// What is put into an inbox comes out once and in its order, and who sleeps at the doorbell is
// woken: under every interleaving of small cases.

#include "channel/inbox.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "channel/doorbell.h"
#include "tests/support/interleavings.h"

namespace spillway::channel {
namespace {

using test::ExploredThreads;
using test::Interleavings;

struct Number {
  std::uint64_t value = 0;
  Number* next = nullptr;
};

template <class Threads>
void push(Inbox<Number, Threads>& inbox, std::uint64_t value) {
  auto node = std::make_unique<Number>();
  node->value = value;
  inbox.push(node.release());
}

template <class Threads>
std::size_t take_all(Inbox<Number, Threads>& inbox, std::vector<std::uint64_t>& taken) {
  std::size_t count = 0;
  for (Number* next = inbox.take_all(); next != nullptr; ++count) {
    const std::unique_ptr<Number> node(next);
    taken.push_back(node->value);
    next = node->next;
  }
  return count;
}

// Values are 10 * producer + number.
void expect_once_and_in_order(const std::vector<std::uint64_t>& taken, std::uint64_t producers,
                              std::uint64_t each) {
  std::vector<std::uint64_t> next(producers, 0);
  for (const std::uint64_t value : taken) {
    ASSERT_EQ(value % 10, next.at(value / 10)++);
  }
  ASSERT_EQ(taken.size(), producers * each);
}

TEST(InboxTest, GivesBackInOrderOfPuts) {
  Inbox<Number> inbox;
  std::vector<std::uint64_t> taken;
  EXPECT_TRUE(inbox.is_empty());
  EXPECT_EQ(inbox.take_all(), nullptr);
  for (std::uint64_t i = 0; i < 5; ++i) push(inbox, i);
  EXPECT_FALSE(inbox.is_empty());
  EXPECT_EQ(take_all(inbox, taken), 5U);
  push(inbox, 5);
  EXPECT_EQ(take_all(inbox, taken), 1U);
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5}));
}

TEST(InboxTest, EveryInterleavingOfTwoProducersAndTwoConsumersKeepsTheOrder) {
  Interleavings all;
  const std::uint64_t runs = all.explore([] {
    struct State {
      Inbox<Number, ExploredThreads> inbox;
      std::vector<std::uint64_t> taken;
    };
    const auto state = std::make_shared<State>();
    const auto produce = [state](std::uint64_t producer) {
      push(state->inbox, 10 * producer);
      push(state->inbox, 10 * producer + 1);
    };
    const auto consume = [state] { take_all(state->inbox, state->taken); };
    return Interleavings::Run{
        .threads = {[=] { produce(0); }, [=] { produce(1); }, consume, consume}, .check = [state] {
          take_all(state->inbox, state->taken);
          expect_once_and_in_order(state->taken, 2, 2);
        }};
  });
  EXPECT_GT(runs, 10'000U);
}

// The mistakes this is about need one; each more costs eight times the runs.
constexpr std::size_t kPreemptions = 3;

// Takes until `wanted` have been taken by all; `prepares_first` false is the mistake to be found.
struct Sleepers {
  Sleepers() = default;
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;
  ~Sleepers() { take_all(inbox, taken); }  // what a run that got stuck has left

  Inbox<Number, ExploredThreads> inbox{};
  Doorbell<ExploredThreads> bell{};
  std::vector<std::uint64_t> taken{};
  test::ExploredAtomic<std::uint32_t> count{0};

  void produce(std::uint64_t value) {
    push(inbox, value);
    bell.ring();
  }
  void consume(std::uint32_t wanted, bool prepares_first) {
    while (true) {
      const std::size_t before = taken.size();
      take_all(inbox, taken);
      if (taken.size() > before) {
        count.store(static_cast<std::uint32_t>(taken.size()), std::memory_order_seq_cst);
        bell.ring();  // the other consumer may go home
      }
      std::uint32_t prepared = prepares_first ? bell.prepare() : 0;
      const bool is_over = count.load(std::memory_order_seq_cst) == wanted;
      if (is_over) return;
      const bool is_empty = inbox.is_empty();
      if (!prepares_first) prepared = bell.prepare();
      if (is_empty) bell.sleep(prepared, std::chrono::hours(1));
    }
  }
};

TEST(DoorbellTest, ConsumerIsWokenForBothProducers) {
  Interleavings all;
  const std::uint64_t runs = all.explore(
      [] {
        const auto state = std::make_shared<Sleepers>();
        return Interleavings::Run{
            .threads = {[state] { state->produce(0); }, [state] { state->produce(10); },
                        [state] { state->consume(2, true); }},
            .check = [state] { expect_once_and_in_order(state->taken, 2, 1); }};
      },
      kPreemptions);
  EXPECT_FALSE(all.is_stuck());
  EXPECT_GT(runs, 1000U);
}

TEST(DoorbellTest, BothConsumersAreWoken) {
  Interleavings all;
  const std::uint64_t runs = all.explore(
      [] {
        const auto state = std::make_shared<Sleepers>();
        return Interleavings::Run{
            .threads = {[state] { state->produce(0); }, [state] { state->consume(1, true); },
                        [state] { state->consume(1, true); }},
            .check = [state] { expect_once_and_in_order(state->taken, 1, 1); }};
      },
      kPreemptions);
  EXPECT_FALSE(all.is_stuck());
  EXPECT_GT(runs, 1000U);
}

TEST(DoorbellTest, LookingBeforePreparingIsFoundOut) {
  Interleavings all;
  all.explore([] {
    const auto state = std::make_shared<Sleepers>();
    return Interleavings::Run{
        .threads = {[state] { state->produce(0); }, [state] { state->consume(1, false); }},
        .check = [] {}};
  });
  EXPECT_TRUE(all.is_stuck());
}

}  // namespace
}  // namespace spillway::channel
