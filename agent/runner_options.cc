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
               .default_value = "replicating",
               .help = "How channels are chosen for an event."},
    OptionSpec{.name = "selector.*", .help = "Options of the selector."},
    OptionSpec{.name = "interceptors",
               .type = OptionType::kList,
               .help = "Names of interceptors, in the order in which events pass them."},
    OptionSpec{.name = "interceptors.*",
               .help = "Options of an interceptor, behind its name and a dot."},
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
    OptionSpec{.name = "deadLetter.channel",
               .help = "Channel for events that the store refuses for good, with the reason in a "
                       "header."},
    OptionSpec{.name = "deadLetter.directory",
               .type = OptionType::kPath,
               .help = "The same in a file channel of the sink's own, in this directory."},
    kStubOption,
};

constexpr std::array kSinkGroupOptions{
    OptionSpec{.name = "sinks",
               .type = OptionType::kList,
               .help = "Sinks of the group; a sink is in one group at most.",
               .is_required = true},
    OptionSpec{.name = "processor.type",
               .default_value = "default",
               .help = "How a sink is chosen for a batch."},
    OptionSpec{.name = "processor.*", .help = "Options of the processor."},
    kStubOption,
};

constexpr std::array kInterceptorRunnerOptions{
    kTypeOption,
    OptionSpec{.name = "rejectedChannel",
               .help = "Channel for the events the interceptor drops, of those that can drop."},
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
std::span<const OptionSpec> sink_group_options() {
  return kSinkGroupOptions;
}
std::span<const OptionSpec> interceptor_runner_options() {
  return kInterceptorRunnerOptions;
}

}  // namespace spillway::agent
