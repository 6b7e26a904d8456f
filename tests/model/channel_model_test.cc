// Every channel behaves as a naive queue does, whatever the order of puts, takes, commits,
// rollbacks and restarts. A failure prints its seed and the shortest sequence found that fails.

#include "tests/model/channel_model.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/model/lockstep.h"
#include "tests/support/channel_kind.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"

namespace spillway::test {
namespace {

using channel::Channel;
using channel::TakeTransaction;

constexpr std::size_t kRuns = 100;
constexpr std::size_t kStepsEach = 120;

// Small limits reach full and empty often.
ChannelLimits random_limits(Random& random) {
  const std::uint64_t capacity = random.between(1, 40);
  return {.capacity_events = capacity, .transaction_capacity_events = random.between(1, capacity)};
}

std::string describe(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) text += "\n  " + step.text();
  return text;
}

void expect_lockstep(const ChannelKind& kind, std::uint64_t seed) {
  Random random(seed);
  const ChannelLimits limits = random_limits(random);
  const std::vector<Step> steps = random_steps(random, kStepsEach, limits);
  if (!run_steps(kind.make_home(), limits, steps)) return;
  const std::vector<Step> fewer = shrink(steps, [&](const std::vector<Step>& some) {
    return run_steps(kind.make_home(), limits, some).has_value();
  });
  ADD_FAILURE() << replay_hint(seed) << ", capacity " << limits.capacity_events
                << ", transaction capacity " << limits.transaction_capacity_events << ": "
                << run_steps(kind.make_home(), limits, fewer).value_or("no longer fails")
                << describe(fewer);
}

struct ChannelModelTest : testing::TestWithParam<ChannelKind> {};

TEST_P(ChannelModelTest, ChannelAndModelAgreeOnEverySequence) {
  for (const std::uint64_t seed : seeds(kRuns / GetParam().cost)) {
    expect_lockstep(GetParam(), seed);
    note_tried(kInputs, 1);
    if (HasFailure()) return;
  }
}

std::vector<ChannelKind> model_kinds() {
  std::vector<ChannelKind> kinds = channel_kinds();
  kinds.push_back({"memory_byte_capacity", []() -> std::unique_ptr<ChannelHome> {
                     return std::make_unique<MemoryChannelHome>(/*byte_slots_max=*/25);
                   }});
  return kinds;
}

INSTANTIATE_TEST_SUITE_P(Kinds, ChannelModelTest, testing::ValuesIn(model_kinds()), kind_name);

// A channel that forgets what is rolled back when it is more than one event.
class ForgetfulTransaction final : public TakeTransaction {
 public:
  explicit ForgetfulTransaction(std::unique_ptr<TakeTransaction> real) : real_(std::move(real)) {}
  [[nodiscard]] std::span<const channel::EventView> events() const override {
    return real_->events();
  }
  Result<void> commit() override { return real_->commit(); }
  void rollback() override {
    if (events().size() < 2) return real_->rollback();
    EXPECT_TRUE(real_->commit().has_value());
  }

 private:
  const std::unique_ptr<TakeTransaction> real_;
};

class ForgetfulChannel final : public Channel {
 public:
  explicit ForgetfulChannel(std::unique_ptr<Channel> real) : real_(std::move(real)) {}
  Result<void> start() override { return real_->start(); }
  void stop() override { real_->stop(); }
  Result<void> put(const channel::EventBatch& batch) override { return real_->put(batch); }
  Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                std::chrono::milliseconds wait) override {
    TRY_ASSIGN(auto taken, real_->take(events_max, wait));
    return std::unique_ptr<TakeTransaction>(
        std::make_unique<ForgetfulTransaction>(std::move(taken)));
  }
  void interrupt_takes() override { real_->interrupt_takes(); }
  [[nodiscard]] std::uint64_t size_events() const override { return real_->size_events(); }
  [[nodiscard]] std::uint64_t capacity_events() const override { return real_->capacity_events(); }
  [[nodiscard]] std::uint64_t transaction_capacity() const override {
    return real_->transaction_capacity();
  }
  [[nodiscard]] const channel::ChannelCounters& counters() const override {
    return real_->counters();
  }
  void collect(MetricSink& sink) const override { real_->collect(sink); }

 private:
  const std::unique_ptr<Channel> real_;
};

class ForgetfulHome final : public ChannelHome {
 public:
  std::unique_ptr<Channel> create(const ChannelLimits& limits) override {
    return std::make_unique<ForgetfulChannel>(memory_.create(limits));
  }
  [[nodiscard]] bool is_durable() const override { return false; }

 private:
  MemoryChannelHome memory_;
};

TEST(ChannelModelSelfTest, PlantedDefectIsFoundAndShrunkToItsCause) {
  const ChannelLimits limits{.capacity_events = 20, .transaction_capacity_events = 10};
  const auto fails = [&limits](const std::vector<Step>& steps) {
    return run_steps(std::make_unique<ForgetfulHome>(), limits, steps).has_value();
  };
  Random random(1);
  const std::vector<Step> steps = random_steps(random, kStepsEach, limits);
  ASSERT_TRUE(fails(steps));
  const std::vector<Step> fewer = shrink(steps, fails);
  ASSERT_EQ(fewer.size(), 3U) << describe(fewer);
  EXPECT_EQ(fewer[0].kind, Step::Kind::kPut);
  EXPECT_EQ(fewer[1].kind, Step::Kind::kTake);
  EXPECT_EQ(fewer[2].kind, Step::Kind::kRollback);
}

}  // namespace
}  // namespace spillway::test
