#include "agent/pipeline_builder.h"

#include <chrono>
#include <map>
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
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      create_sink(i, config_.sinks[i].channel);
    }
    add_runners();
    for (const SourceConfig& source : config_.sources) add(source);
    return std::move(built_);
  }

  BuiltPipeline build_sinks(std::size_t channel, std::unique_ptr<channel::Channel> replacement) {
    built_.pipeline.add_channel({config_.channels[channel].name, "replacement"},
                                std::move(replacement));
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      if (config_.sinks[i].channel == channel) create_sink(i, 0);
    }
    add_runners();
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

  void create_sink(std::size_t index, std::size_t channel) {
    const SinkConfig& sink = config_.sinks[index];
    auto created = sink.type->create(context_of(sink.name), sink.config);
    if (!created.has_value()) {
      refuse("sinks", sink.name, sink.origin, created.error());
      return;
    }
    created_.emplace(index, CreatedSink{std::move(created.value()), channel});
  }

  /// The groups, of the sinks that were created; the other sinks each alone.
  void add_runners() {
    if (!built_.problems.empty()) return;
    for (const SinkGroupConfig& group : config_.sink_groups) add(group);
    for (auto& [index, sink] : created_) {
      built_.pipeline.add_sink(label_of(index), std::move(sink.sink), sink.channel, clock_,
                               {.seed = next_seed()});
    }
  }

  void add(const SinkGroupConfig& group) {
    std::vector<std::size_t> members;
    for (const std::size_t index : group.sinks) {
      auto sink = created_.extract(index);
      if (sink.empty()) continue;
      members.push_back(built_.pipeline.add_member(label_of(index), std::move(sink.mapped().sink),
                                                   sink.mapped().channel, clock_));
    }
    if (members.empty()) return;
    const auto create = [&](std::vector<SinkPump*> pumps) {
      return group.type->create(
          {.group = group.name, .pumps = std::move(pumps), .clock = &clock_, .seed = next_seed()},
          group.config);
    };
    built_.pipeline.add_group({group.name, std::string(group.type->name)}, std::move(members),
                              create, {.seed = next_seed()});
  }

  [[nodiscard]] ComponentLabel label_of(std::size_t sink) const {
    return {config_.sinks[sink].name, std::string(config_.sinks[sink].type->name)};
  }

  SourceFlow flow_of(const SourceConfig& source) {
    SourceFlow flow{.channels = source.channels,
                    .required_channels = source.required_channels,
                    .selector = nullptr};
    std::vector<std::string> names;
    for (const std::size_t index : source.channels) names.push_back(config_.channels[index].name);
    flow.selector = source.selector.type->create(
        {.channels = std::move(names), .seed = next_seed()}, source.selector.config);
    std::vector<InterceptorChain::Link> links;
    for (const InterceptorConfig& interceptor : source.interceptors) {
      InterceptorChain::Link link{.name = interceptor.name,
                                  .interceptor = interceptor.type->create(
                                      context_of(interceptor.name), interceptor.config)};
      if (interceptor.rejected_channel) {
        link.rejected_to = flow.channels.size();
        flow.channels.push_back(*interceptor.rejected_channel);
      }
      links.push_back(std::move(link));
    }
    if (!links.empty()) {
      flow.interceptors = std::make_unique<InterceptorChain>(std::move(links), clock_);
    }
    return flow;
  }

  void add(const SourceConfig& source) {
    SourceRunnerOptions options{.seed = next_seed()};
    options.idle.increment =
        std::chrono::milliseconds(source.runner.millis("backoffSleepIncrement"));
    options.idle.max = std::chrono::milliseconds(source.runner.millis("maxBackoffSleep"));
    const auto create = [&](EventReceiver& receiver) {
      return source.type->create(context_of(source.name), source.config, receiver);
    };
    const auto added = built_.pipeline.add_source({source.name, std::string(source.type->name)},
                                                  flow_of(source), create, options);
    if (!added.has_value()) refuse("sources", source.name, source.origin, added.error());
  }

  // Differs between components and between agents that start together, which is all jitter needs.
  std::uint64_t next_seed() { return clock_.monotonic_ns() + built_.pipeline.sinks.size(); }

  struct CreatedSink {
    std::unique_ptr<Sink> sink;
    std::size_t channel = 0;  // index into Pipeline::channels
  };

  const AgentConfig& config_;
  const Clock& clock_;
  BuiltPipeline built_;
  std::map<std::size_t, CreatedSink> created_;  // by index into AgentConfig::sinks
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
