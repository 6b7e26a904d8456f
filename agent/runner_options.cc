#include "agent/runner_options.h"

#include <array>

namespace spillway::agent {
namespace {

constexpr std::string_view kStubNotice =
    "has no effect: Flume's configuration stub classes do not exist here";

constexpr OptionSpec kTypeOption{
    .name = "type", .help = "Name of the type, or Flume's class name.", .is_required = true};
constexpr OptionSpec kStubOption{
    .name = "config", .help = "Flume's configuration stub class.", .notice = kStubNotice};

constexpr std::array kChannelRunnerOptions{kTypeOption, kStubOption};

constexpr std::array kSourceRunnerOptions{
    kTypeOption,
    OptionSpec{.name = "channels",
               .type = OptionType::kList,
               .help = "Channels the source puts its events into.",
               .is_required = true},
    OptionSpec{.name = "selector.type",
               .type = OptionType::kEnum,
               .default_value = "replicating",
               .help = "How a channel is chosen: replicating puts every event into all of them.",
               .choices = "replicating"},
    OptionSpec{.name = "selector.optional",
               .type = OptionType::kList,
               .help = "Those of the channels that may fail without failing the batch."},
    OptionSpec{.name = "backoffSleepIncrement",
               .type = OptionType::kMillis,
               .default_value = "1000",
               .help = "Added to the wait for each round that found nothing; polled sources only.",
               .min = 1},
    OptionSpec{.name = "maxBackoffSleep",
               .type = OptionType::kMillis,
               .default_value = "5000",
               .help = "Longest wait between two rounds; polled sources only.",
               .min = 1},
    kStubOption,
};

constexpr std::array kSinkRunnerOptions{
    kTypeOption,
    OptionSpec{.name = "channel",
               .type = OptionType::kString,
               .help = "Channel the sink takes its events from.",
               .is_required = true},
    kStubOption,
};

}  // namespace

std::span<const OptionSpec> channel_runner_options() {
  return kChannelRunnerOptions;
}
std::span<const OptionSpec> source_runner_options() {
  return kSourceRunnerOptions;
}
std::span<const OptionSpec> sink_runner_options() {
  return kSinkRunnerOptions;
}

}  // namespace spillway::agent
