// Nobody sleeps on for an outcome that is set, whoever comes first: under every interleaving.

#include "wal/outcome.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/interleavings.h"

namespace spillway::wal {
namespace {

using test::ExploredThreads;
using test::Interleavings;
using Explored = Outcome<ExploredThreads>;

struct Seen {
  Explored outcome{};
  test::ExploredAtomic<std::uint32_t> done_before{0};  // by the setter
  std::vector<Explored::Value> values{};
};

TEST(OutcomeTest, IsStagedUntilItIsSet) {
  Outcome<> outcome;
  EXPECT_EQ(outcome.get(), Outcome<>::Value::kStaged);
  outcome.set(Outcome<>::Value::kFailed);
  EXPECT_EQ(outcome.get(), Outcome<>::Value::kFailed);
  EXPECT_EQ(outcome.wait(), Outcome<>::Value::kFailed);
}

TEST(OutcomeTest, EveryInterleavingOfTwoWaitersAndTheSetterEnds) {
  Interleavings all;
  const std::uint64_t runs = all.explore([] {
    const auto seen = std::make_shared<Seen>();
    const auto wait = [seen] {
      const Explored::Value value = seen->outcome.wait();
      EXPECT_EQ(seen->done_before.newest(), 1U);
      seen->values.push_back(value);
    };
    const auto set = [seen] {
      seen->done_before.store(1, std::memory_order_seq_cst);
      seen->outcome.set(Explored::Value::kDurable);
    };
    return Interleavings::Run{.threads = {wait, wait, set}, .check = [seen] {
                                EXPECT_EQ(seen->values, std::vector(2, Explored::Value::kDurable));
                              }};
  });
  EXPECT_FALSE(all.is_stuck());
  EXPECT_GT(runs, 1'000U);
}

// The same with a mistake: sleeping without the bit that tells the setter of it.
TEST(OutcomeTest, ASleeperNobodyKnowsOfIsFound) {
  Interleavings all;
  all.explore([] {
    const auto word = std::make_shared<test::ExploredAtomic<std::uint32_t>>(0);
    const auto wait = [word] {
      const bool is_staged = word->load(std::memory_order_acquire) == 0;
      Interleavings::step();
      if (is_staged && word->newest() == 0) Interleavings::current().sleep_on(word.get());
    };
    const auto set = [word] {
      if (word->exchange(1, std::memory_order_release) != 0) ExploredThreads::wake_all(*word);
    };
    return Interleavings::Run{.threads = {wait, set}, .check = [] {}};
  });
  EXPECT_TRUE(all.is_stuck());
}

}  // namespace
}  // namespace spillway::wal
