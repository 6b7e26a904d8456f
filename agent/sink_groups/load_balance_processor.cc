// `load_balance` processor: the sinks take turns, batch by batch.
//
// Source: Flume's LoadBalancingSinkProcessor and OrderSelector. A round tries the sinks in an order
// until one does not fail. With `backoff` a sink that fails is left out for 1 s times two to the
// number of its failures, at most `selector.maxTimeOut`; successes do not reset that number, an
// hour without a failure does.
#include <algorithm>
#include <array>
#include <utility>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/sink_groups/sink_processor.h"
#include "wal/base/log.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "selector",
               .type = OptionType::kEnum,
               .default_value = "round_robin",
               .help = "Whether the sinks take turns or are drawn by chance.",
               .choices = "round_robin|random"},
    OptionSpec{.name = "backoff",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Whether a sink that failed is left out for a while."},
    OptionSpec{.name = "selector.maxTimeOut",
               .type = OptionType::kMillis,
               .default_value = "30000",
               .help = "Longest time a failed sink is left out."},
};

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kPenaltyUnitMs = 1000;
constexpr std::uint64_t kDoublingsMax = 16;
constexpr std::uint64_t kQuietMs = 3'600'000;  // after that failures are counted anew

std::vector<OptionProblem> check(const Config&, const std::vector<std::string>& sinks) {
  if (sinks.size() > 1) return {};
  return {{"type", "load_balance needs more than one sink"}};
}

class LoadBalanceProcessor final : public SinkProcessor {
 public:
  LoadBalanceProcessor(const SinkProcessorContext& context, const Config& config)
      : SinkProcessor(context.pumps),
        group_(context.group),
        clock_(*context.clock),
        is_random_(config.string("selector") == "random"),
        has_backoff_(config.boolean("backoff")),
        penalty_max_ms_(config.millis("selector.maxTimeOut")),
        random_(context.seed),
        failures_(context.pumps.size()) {}

  Result<Round> process(const RoundOptions& options, const StopSignal& stop) override {
    Error last{.code = Errc::kUnavailable, .what = "every sink of the group is left out"};
    for (const std::size_t index : next_order()) {
      auto round = run(index, options, stop);
      if (round.has_value()) return round;
      last = round.error();
      if (has_backoff_) penalise(index);
    }
    return last;
  }

 private:
  struct Failures {
    std::uint64_t in_a_row = 0;
    std::uint64_t last_ns = 0;
    std::uint64_t due_ns = 0;
  };

  /// The sinks to try in this round, none of them left out.
  std::vector<std::size_t> next_order() {
    std::vector<std::size_t> order;
    const std::uint64_t now_ns = clock_.monotonic_ns();
    for (std::size_t i = 0; i < failures_.size(); ++i) {
      if (failures_[i].due_ns > now_ns) continue;
      set_penalised(i, false);
      if (is_open(i)) order.push_back(i);
    }
    if (is_random_) {
      std::shuffle(order.begin(), order.end(), random_);
      return order;
    }
    if (order.empty()) return order;
    next_ %= order.size();
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(next_), order.end());
    ++next_;
    return order;
  }

  void penalise(std::size_t index) {
    Failures& failures = failures_[index];
    const std::uint64_t now_ns = clock_.monotonic_ns();
    const std::uint64_t quiet_ns = (penalty_ms(failures) + kQuietMs) * kNsPerMs;
    const bool is_in_a_row = failures.in_a_row > 0 && now_ns - failures.last_ns < quiet_ns;
    failures.in_a_row = is_in_a_row ? std::min(failures.in_a_row + 1, kDoublingsMax) : 1;
    failures.last_ns = now_ns;
    failures.due_ns = now_ns + penalty_ms(failures) * kNsPerMs;
    set_penalised(index, true);
    if (is_in_a_row) return;
    log_warn("sink_group.sink_penalised", "a sink failed; the group goes on with the next one",
             {{"group", group_},
              {"sink", pumps()[index]->name()},
              {"penalty_ms", penalty_ms(failures)}});
  }

  [[nodiscard]] std::uint64_t penalty_ms(const Failures& failures) const {
    return std::min(penalty_max_ms_, kPenaltyUnitMs << failures.in_a_row);
  }

  const std::string group_;
  const Clock& clock_;
  const bool is_random_;
  const bool has_backoff_;
  const std::uint64_t penalty_max_ms_;
  Random random_;
  std::vector<Failures> failures_;
  std::size_t next_ = 0;
};

std::unique_ptr<SinkProcessor> create(const SinkProcessorContext& context, const Config& config) {
  return std::make_unique<LoadBalanceProcessor>(context, config);
}

}  // namespace

const SinkProcessorType kLoadBalanceProcessor{
    .name = "load_balance",
    .java_class = "org.apache.flume.sink.LoadBalancingSinkProcessor",
    .help = "Spreads the batches over the sinks.",
    .options = kOptions,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
