#include "agent/selectors/replicating_selector.h"

#include <array>
#include <utility>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/selectors/named_channels.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "optional",
               .type = OptionType::kList,
               .help = "Those of the channels that may fail without failing the batch."},
};
constexpr std::array<std::string_view, 1> kChannelOptions{"optional"};

std::unique_ptr<ChannelSelector> create(const SelectorContext& context, const Config& config) {
  Route route;
  route.optional = indices_of(config.list("optional"), context.channels);
  for (std::size_t i = 0; i < context.channels.size(); ++i) {
    if (!contains(route.optional, i)) route.required.push_back(i);
  }
  return std::make_unique<ReplicatingSelector>(std::move(route));
}

}  // namespace

ReplicatingSelector::ReplicatingSelector(Route route) : route_(std::move(route)) {
  for (const std::size_t index : route_.optional) CHECK(!contains(route_.required, index));
}

const SelectorType kReplicatingSelector{
    .name = "replicating",
    .java_class = "org.apache.flume.channel.ReplicatingChannelSelector",
    .help = "Puts every event into all channels of the source.",
    .options = kOptions,
    .channel_options = kChannelOptions,
    .create = create,
};

}  // namespace spillway::agent
