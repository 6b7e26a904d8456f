// `load_balancing` selector: each event to one channel, in turn or by chance.
//
// Source: Flume's LoadBalancingChannelSelector. Events of one batch spread over the channels; when
// one of them refuses its share, the source repeats the batch and what others took comes twice.
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/selectors/channel_selector.h"
#include "wal/base/check.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "policy",
               .type = OptionType::kEnum,
               .default_value = "round_robin",
               .help = "Whether the channels take turns or are drawn by chance.",
               .choices = "round_robin|random"},
};

class LoadBalancingSelector final : public ChannelSelector {
 public:
  LoadBalancingSelector(std::size_t channels, bool is_random, std::uint64_t seed)
      : is_random_(is_random), next_(is_random ? seed : 0) {
    CHECK(channels > 0);
    for (std::size_t i = 0; i < channels; ++i) routes_.push_back({.required = {i}, .optional = {}});
  }

  const Route& route(const channel::EventView&) override {
    // Only distinct numbers are needed: nothing is ordered by the counter.
    const std::uint64_t turn = next_.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t number = is_random_ ? Random(turn).below(routes_.size()) : turn;
    return routes_[static_cast<std::size_t>(number % routes_.size())];
  }

  [[nodiscard]] Route reach() const override {
    Route all;
    for (std::size_t i = 0; i < routes_.size(); ++i) all.required.push_back(i);
    return all;
  }

 private:
  const bool is_random_;
  std::vector<Route> routes_;
  std::atomic<std::uint64_t> next_;
};

std::unique_ptr<ChannelSelector> create(const SelectorContext& context, const Config& config) {
  return std::make_unique<LoadBalancingSelector>(context.channels.size(),
                                                 config.string("policy") == "random", context.seed);
}

}  // namespace

const SelectorType kLoadBalancingSelector{
    .name = "load_balancing",
    .java_class = "org.apache.flume.channel.LoadBalancingChannelSelector",
    .help = "Puts each event into one of the channels.",
    .options = kOptions,
    .channel_options = {},
    .create = create,
};

}  // namespace spillway::agent
