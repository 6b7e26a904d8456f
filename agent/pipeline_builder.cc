#include "agent/pipeline_builder.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/dead_letter_channel.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

/// Of a replay, which has one channel only: what is refused is kept where it is and tried again.
class NoDeadLetters final : public DeadLetters {
 public:
  Result<void> add(std::span<const channel::EventView>, std::span<const RefusedEvent>) override {
    return Error{.code = Errc::kUnsupported, .what = "the store refuses events for good"};
  }
};

class Builder {
 public:
  Builder(const AgentConfig& config, const Clock& clock) : config_(config), clock_(clock) {
    built_.pipeline.agent_name = config.name;
  }

  /// What `diff` keeps is taken from `running`.
  Builder(const AgentConfig& config, const Clock& clock, const ConfigDiff& diff,
          const Pipeline& running)
      : Builder(config, clock) {
    diff_ = &diff;
    running_ = &running;
  }

  BuiltPipeline build() {
    for (std::size_t i = 0; i < config_.channels.size(); ++i) add_channel(i);
    if (!built_.problems.empty()) return std::move(built_);  // the rest refers to channels
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      if (!is_kept(&ConfigDiff::kept_sinks, i)) create_sink(i, config_.sinks[i].channel);
    }
    add_runners();
    for (std::size_t i = 0; i < config_.sources.size(); ++i) add_source(i);
    return std::move(built_);
  }

  /// After build().
  std::vector<NextPipeline::FlowChange> take_flows() { return std::move(flows_); }

  BuiltPipeline build_sinks(std::size_t channel, std::unique_ptr<channel::Channel> replacement) {
    is_replay_ = true;
    built_.pipeline.add_channel({config_.channels[channel].name, "replacement"},
                                std::move(replacement));
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      if (config_.sinks[i].channel == channel) create_sink(i, 0);
    }
    add_runners();
    return std::move(built_);
  }

 private:
  [[nodiscard]] bool is_kept(std::vector<bool> ConfigDiff::*kind, std::size_t index) const {
    return diff_ != nullptr && (diff_->*kind)[index];
  }

  /// The running component of this name, which is there when the difference says so.
  template <class Unit>
  static std::shared_ptr<Unit> find_running(const std::vector<std::shared_ptr<Unit>>& units,
                                            const std::string& name) {
    for (const auto& unit : units) {
      if (unit->label.name == name) return unit;
    }
    CHECK(false);
    return nullptr;
  }

  void add_channel(std::size_t index) {
    const ChannelConfig& channel = config_.channels[index];
    if (!is_kept(&ConfigDiff::kept_channels, index)) return add(channel);
    for (const auto& live : running_->channels) {
      if (live->name() == channel.name) built_.pipeline.channels.push_back(live);
    }
    CHECK(built_.pipeline.channels.size() == index + 1);
  }

  void add_source(std::size_t index) {
    const SourceConfig& source = config_.sources[index];
    if (!is_kept(&ConfigDiff::kept_sources, index)) return add(source);
    built_.pipeline.sources.push_back(find_running(running_->sources, source.name));
    if (!diff_->has_flow_changed[index]) return;
    flows_.push_back({built_.pipeline.sources.back(), flow_of(source)});
  }

  /// Index into the sinks of the pipeline; none when create() refused it.
  std::optional<std::size_t> add_member(std::size_t index) {
    if (is_kept(&ConfigDiff::kept_sinks, index)) {
      built_.pipeline.sinks.push_back(find_running(running_->sinks, config_.sinks[index].name));
      return built_.pipeline.sinks.size() - 1;
    }
    auto sink = created_.extract(index);
    if (sink.empty()) return std::nullopt;
    const std::size_t member = built_.pipeline.add_member(
        label_of(index), std::move(sink.mapped().sink), sink.mapped().channel, clock_);
    add_dead_letters(config_.sinks[index], member);
    return member;
  }

  /// A running group of the same sinks; nullptr when a new one is needed.
  [[nodiscard]] std::shared_ptr<SinkGroupUnit> running_group(const std::string& name,
                                                             bool is_configured) const {
    for (const auto& group : running_->groups) {
      if (group->label.name == name && group->is_configured == is_configured) return group;
    }
    return nullptr;
  }
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
    std::vector<bool> is_grouped(config_.sinks.size(), false);
    for (std::size_t i = 0; i < config_.sink_groups.size(); ++i) {
      for (const std::size_t sink : config_.sink_groups[i].sinks) is_grouped[sink] = true;
      add(config_.sink_groups[i], is_kept(&ConfigDiff::kept_groups, i));
    }
    for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
      if (!is_grouped[i]) add_single(i);
    }
  }

  void add_single(std::size_t index) {
    const auto member = add_member(index);
    if (!member) return;
    const std::string& name = config_.sinks[index].name;
    if (is_kept(&ConfigDiff::kept_sinks, index)) {
      if (auto group = running_group(name, false)) {
        built_.pipeline.groups.push_back(std::move(group));
        return;
      }
    }
    built_.pipeline.add_single(*member, {.seed = next_seed()});
  }

  void add(const SinkGroupConfig& group, bool is_group_kept) {
    std::vector<std::size_t> members;
    for (const std::size_t index : group.sinks) {
      if (const auto member = add_member(index)) members.push_back(*member);
    }
    if (members.empty()) return;
    if (is_group_kept) {
      built_.pipeline.groups.push_back(running_group(group.name, true));
      CHECK(built_.pipeline.groups.back() != nullptr);
      return;
    }
    const auto create = [&](std::vector<SinkPump*> pumps) {
      return group.type->create(
          {.group = group.name, .pumps = std::move(pumps), .clock = &clock_, .seed = next_seed()},
          group.config);
    };
    built_.pipeline.add_group({group.name, std::string(group.type->name)}, members, create,
                              {.seed = next_seed()});
  }

  void add_dead_letters(const SinkConfig& config, std::size_t sink) {
    if (is_replay_) {
      built_.pipeline.set_dead_letters(sink, std::make_unique<NoDeadLetters>());
    } else if (config.dead_letters) {
      built_.pipeline.set_dead_letters(
          sink, std::make_unique<DeadLetterChannel>(
                    config.name, built_.pipeline.channels[*config.dead_letters], clock_));
    }
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
  const ConfigDiff* diff_ = nullptr;
  const Pipeline* running_ = nullptr;  // with `diff_`
  BuiltPipeline built_;
  std::vector<NextPipeline::FlowChange> flows_;
  bool is_replay_ = false;
  std::map<std::size_t, CreatedSink> created_;  // by index into AgentConfig::sinks
};

}  // namespace

BuiltPipeline build_pipeline(const AgentConfig& config, const Clock& clock) {
  return Builder(config, clock).build();
}

BuiltNext build_next(const AgentConfig& config, const ConfigDiff& diff, const Pipeline& running,
                     const Clock& clock) {
  Builder builder(config, clock, diff, running);
  BuiltPipeline built = builder.build();
  return {{std::move(built.pipeline), builder.take_flows()}, std::move(built.problems)};
}

BuiltPipeline build_sinks(const AgentConfig& config, std::size_t channel,
                          std::unique_ptr<channel::Channel> replacement, const Clock& clock) {
  return Builder(config, clock).build_sinks(channel, std::move(replacement));
}

}  // namespace spillway::agent
