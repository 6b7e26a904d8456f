#include "agent/pipeline_builder.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace spillway::agent {
namespace {

class Builder {
 public:
  Builder(const AgentConfig& config, const Clock& clock) : config_(config), clock_(clock) {
    built_.pipeline.agent_name = config.name;
  }

  BuiltPipeline build() {
    for (const ChannelConfig& channel : config_.channels) add(channel);
    if (!built_.problems.empty()) return std::move(built_);  // the rest refers to channels
    for (const SinkConfig& sink : config_.sinks) add(sink, sink.channel);
    for (const SourceConfig& source : config_.sources) add(source);
    return std::move(built_);
  }

  BuiltPipeline build_sinks(std::size_t channel, std::unique_ptr<channel::Channel> replacement) {
    built_.pipeline.add_channel({config_.channels[channel].name, "replacement"},
                                std::move(replacement));
    for (const SinkConfig& sink : config_.sinks) {
      if (sink.channel == channel) add(sink, 0);
    }
    return std::move(built_);
  }

 private:
  [[nodiscard]] ComponentContext context_of(const std::string& name) const {
    return {.name = name, .clock = &clock_};
  }

  void refuse(std::string_view kind, const std::string& name, const ConfigOrigin& origin,
              const Error& error) {
    built_.problems.push_back({.origin = origin,
                               .key = config_.name + "." + std::string(kind) + "." + name,
                               .reason = to_string(error)});
  }

  void add(const ChannelConfig& channel) {
    auto created = channel.type->create(context_of(channel.name), channel.config);
    if (!created.has_value()) {
      refuse("channels", channel.name, channel.origin, created.error());
      return;
    }
    built_.pipeline.add_channel({channel.name, std::string(channel.type->name)},
                                std::move(created.value()));
  }

  void add(const SinkConfig& sink, std::size_t channel) {
    auto created = sink.type->create(context_of(sink.name), sink.config);
    if (!created.has_value()) {
      refuse("sinks", sink.name, sink.origin, created.error());
      return;
    }
    built_.pipeline.add_sink({sink.name, std::string(sink.type->name)}, std::move(created.value()),
                             channel, clock_, {.seed = next_seed()});
  }

  void add(const SourceConfig& source) {
    SourceRunnerOptions options{.seed = next_seed()};
    options.idle.increment =
        std::chrono::milliseconds(source.runner.millis("backoffSleepIncrement"));
    options.idle.max = std::chrono::milliseconds(source.runner.millis("maxBackoffSleep"));
    const auto create = [&](EventReceiver& receiver) {
      return source.type->create(context_of(source.name), source.config, receiver);
    };
    const auto added = built_.pipeline.add_source(
        {source.name, std::string(source.type->name)},
        {.required = source.required_channels, .optional = source.optional_channels}, create,
        options);
    if (!added.has_value()) refuse("sources", source.name, source.origin, added.error());
  }

  // Differs between components and between agents that start together, which is all jitter needs.
  std::uint64_t next_seed() { return clock_.monotonic_ns() + built_.pipeline.sinks.size(); }

  const AgentConfig& config_;
  const Clock& clock_;
  BuiltPipeline built_;
};

}  // namespace

BuiltPipeline build_pipeline(const AgentConfig& config, const Clock& clock) {
  return Builder(config, clock).build();
}

BuiltPipeline build_sinks(const AgentConfig& config, std::size_t channel,
                          std::unique_ptr<channel::Channel> replacement, const Clock& clock) {
  return Builder(config, clock).build_sinks(channel, std::move(replacement));
}

}  // namespace spillway::agent
