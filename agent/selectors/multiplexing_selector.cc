// `multiplexing` selector: the value of a header decides where an event goes.
//
// Source: Flume's MultiplexingChannelSelector. A header that is missing, blank or not mapped means
// `default`; without one the event reaches no required channel and is counted as unrouted. Optional
// channels go by the exact value and never by the default.
#include <array>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/config.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/selectors/channel_selector.h"
#include "agent/selectors/named_channels.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "header",
               .default_value = "flume.selector.header",
               .help = "Header whose value decides."},
    OptionSpec{.name = "mapping.*",
               .type = OptionType::kList,
               .help = "Channels for events whose header has the value that ends the key."},
    OptionSpec{.name = "default",
               .type = OptionType::kList,
               .help = "Channels for events whose header is missing, blank or not mapped; without "
                       "it they are dropped and counted."},
    OptionSpec{.name = "optional.*",
               .type = OptionType::kList,
               .help = "Channels that may fail, for events whose header has the value that ends "
                       "the key."},
};
constexpr std::array<std::string_view, 3> kChannelOptions{"mapping.*", "default", "optional.*"};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos;
}

struct HashText {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

class MultiplexingSelector final : public ChannelSelector {
 public:
  MultiplexingSelector(const SelectorContext& context, const Config& config)
      : header_(config.string("header")) {
    const auto indices = [&](const std::string& names) {
      return indices_of(split_words(names), context.channels);
    };
    default_.required = indices_of(config.list("default"), context.channels);
    for (const auto& [value, names] : config.below("mapping.")) {
      routes_[value].required = indices(names);
    }
    for (const auto& [value, names] : config.below("optional.")) {
      const auto [at, is_new] = routes_.try_emplace(value, default_);
      for (const std::size_t index : indices(names)) {
        if (!contains(at->second.required, index)) at->second.optional.push_back(index);
      }
    }
  }

  const Route& route(const channel::EventView& event) override {
    const auto value = event.header(header_);
    if (!value || is_blank(*value)) return default_;
    const auto at = routes_.find(*value);
    return at == routes_.end() ? default_ : at->second;
  }

  [[nodiscard]] Route reach() const override {
    Route all = default_;
    for (const auto& [value, route] : routes_) {
      for (const std::size_t i : route.required) {
        if (!contains(all.required, i)) all.required.push_back(i);
      }
    }
    for (const auto& [value, route] : routes_) {
      for (const std::size_t i : route.optional) {
        if (!contains(all.required, i) && !contains(all.optional, i)) all.optional.push_back(i);
      }
    }
    return all;
  }

 private:
  const std::string header_;
  Route default_;
  std::unordered_map<std::string, Route, HashText, std::equal_to<>> routes_;
};

std::unique_ptr<ChannelSelector> create(const SelectorContext& context, const Config& config) {
  return std::make_unique<MultiplexingSelector>(context, config);
}

}  // namespace

const SelectorType kMultiplexingSelector{
    .name = "multiplexing",
    .java_class = "org.apache.flume.channel.MultiplexingChannelSelector",
    .help = "Chooses the channels by the value of a header.",
    .options = kOptions,
    .channel_options = kChannelOptions,
    .create = create,
};

}  // namespace spillway::agent
