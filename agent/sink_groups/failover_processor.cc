// `failover` processor: the sink of the highest priority that works.
//
// Source: Flume's FailoverSinkProcessor. A sink that fails gets a penalty of 1 s times two to the
// number of its failures in a row, at most `maxpenalty`, and is tried with events when it is over;
// an empty channel proves nothing and leaves it penalised. Different from Flume: equal priorities
// are refused, sinks without one come after the others in the order of the list, and an idle live
// sink keeps being called while a penalised one waits for an event to be tried with.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "agent/config.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/sink_groups/sink_processor.h"
#include "agent/suggestion.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "priority.*",
               .help = "Whole number for the sink that ends the key; the highest works first."},
    OptionSpec{.name = "maxpenalty",
               .type = OptionType::kMillis,
               .default_value = "30000",
               .help = "Longest time a failed sink is left out."},
};

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint64_t kPenaltyUnitMs = 1000;
constexpr std::uint64_t kDoublingsMax = 32;

std::optional<std::int32_t> parse_priority(std::string_view text) {
  std::int32_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return value;
}

std::vector<OptionProblem> check(const Config& config, const std::vector<std::string>& sinks) {
  const std::vector<std::string_view> known(sinks.begin(), sinks.end());
  std::map<std::int32_t, std::string> owners;
  std::vector<OptionProblem> problems;
  for (const auto& [sink, text] : config.below("priority.")) {
    const std::string option = "priority." + sink;
    if (std::find(sinks.begin(), sinks.end(), sink) == sinks.end()) {
      problems.push_back({option, fmt::format("{} is none of the group's sinks{}", in_quotes(sink),
                                              did_you_mean(nearest(sink, known)))});
      continue;
    }
    const std::optional<std::int32_t> priority = parse_priority(text);
    if (!priority) {
      problems.push_back({option, fmt::format("{} is not a whole number", in_quotes(text))});
    } else if (const auto [owner, is_new] = owners.emplace(*priority, sink); !is_new) {
      problems.push_back({option, fmt::format("{} is the priority of {} already", *priority,
                                              in_quotes(owner->second))});
    }
  }
  return problems;
}

/// Indices into `context.pumps`, highest priority first.
std::vector<std::size_t> by_priority(const SinkProcessorContext& context, const Config& config) {
  std::vector<std::pair<std::int64_t, std::size_t>> ranked;
  std::int64_t implied = INT32_MIN;  // below every written one
  for (std::size_t i = 0; i < context.pumps.size(); ++i) {
    const std::string option = "priority." + context.pumps[i]->name();
    const bool is_given = config.is_given(option);
    ranked.emplace_back(is_given ? *parse_priority(config.string(option)) : --implied, i);
  }
  std::sort(ranked.rbegin(), ranked.rend());
  std::vector<std::size_t> order;
  for (const auto& [priority, index] : ranked) order.push_back(index);
  return order;
}

class FailoverProcessor final : public SinkProcessor {
 public:
  FailoverProcessor(const SinkProcessorContext& context, const Config& config)
      : SinkProcessor(context.pumps),
        group_(context.group),
        clock_(*context.clock),
        penalty_max_ms_(config.millis("maxpenalty")),
        order_(by_priority(context, config)),
        failures_(context.pumps.size(), 0),
        due_ns_(context.pumps.size(), 0) {}

  Result<Round> process(const RoundOptions& options, const StopSignal& stop) override {
    Error last{.code = Errc::kUnavailable, .what = "every sink of the group is penalised"};
    for (const std::size_t index : due_sinks()) {
      const auto round =
          run(index, {.wait = std::chrono::milliseconds(0), .is_idle_told = false}, stop);
      if (!round.has_value()) {
        penalise(index);
        last = round.error();
      } else if (round.value() == Round::kDelivered) {
        reinstate(index);
        return round;
      }
    }
    for (const std::size_t index : order_) {
      if (!is_open(index) || failures_[index] > 0) continue;
      auto round = run(index, options, stop);
      if (round.has_value()) return round;
      penalise(index);
      last = round.error();
    }
    return last;
  }

 private:
  /// Penalised sinks whose time is over, longest over first.
  [[nodiscard]] std::vector<std::size_t> due_sinks() const {
    std::vector<std::size_t> due;
    const std::uint64_t now_ns = clock_.monotonic_ns();
    for (std::size_t i = 0; i < failures_.size(); ++i) {
      if (failures_[i] > 0 && due_ns_[i] <= now_ns && is_open(i)) due.push_back(i);
    }
    std::stable_sort(due.begin(), due.end(),
                     [this](std::size_t a, std::size_t b) { return due_ns_[a] < due_ns_[b]; });
    return due;
  }

  void penalise(std::size_t index) {
    const std::uint64_t doublings = std::min(++failures_[index], kDoublingsMax);
    const std::uint64_t penalty_ms = std::min(penalty_max_ms_, kPenaltyUnitMs << doublings);
    due_ns_[index] = clock_.monotonic_ns() + penalty_ms * kNsPerMs;
    set_penalised(index, true);
    if (failures_[index] > 1) return;
    log_warn("sink_group.sink_penalised", "a sink failed; the group goes on with the next one",
             {{"group", group_}, {"sink", pumps()[index]->name()}, {"penalty_ms", penalty_ms}});
  }

  void reinstate(std::size_t index) {
    failures_[index] = 0;
    set_penalised(index, false);
    log_info("sink_group.sink_reinstated", "a penalised sink works again",
             {{"group", group_}, {"sink", pumps()[index]->name()}});
  }

  const std::string group_;
  const Clock& clock_;
  const std::uint64_t penalty_max_ms_;
  const std::vector<std::size_t> order_;
  std::vector<std::uint64_t> failures_;  // in a row; 0 = not penalised
  std::vector<std::uint64_t> due_ns_;    // end of the penalty
};

std::unique_ptr<SinkProcessor> create(const SinkProcessorContext& context, const Config& config) {
  return std::make_unique<FailoverProcessor>(context, config);
}

}  // namespace

const SinkProcessorType kFailoverProcessor{
    .name = "failover",
    .java_class = "org.apache.flume.sink.FailoverSinkProcessor",
    .help = "Uses the sink of the highest priority that works.",
    .options = kOptions,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
