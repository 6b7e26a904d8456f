// Pipeline: the components of one agent, created and wired, not yet started.
//
// Owns them and the order of their destruction; Agent decides when they start and stop. The next
// pipeline of a reload shares the components that stay as they are.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/channel_processor.h"
#include "agent/component.h"
#include "agent/dead_letters.h"
#include "agent/interceptor_chain.h"
#include "agent/live_channel.h"
#include "agent/open_flag.h"
#include "agent/selectors/channel_selector.h"
#include "agent/sink_groups/sink_processor.h"
#include "agent/sink_pump.h"
#include "agent/sink_runner.h"
#include "agent/source_runner.h"

namespace spillway::agent {

/// A component's name in the configuration and its canonical type.
struct ComponentLabel {
  std::string name;
  std::string type;
};

struct SinkGroupUnit;

struct SinkUnit {
  ComponentLabel label;
  std::shared_ptr<LiveChannel> channel;
  std::unique_ptr<Sink> sink;
  OpenFlag open;
  std::unique_ptr<DeadLetters> dead_letters;  // nullptr: none
  std::unique_ptr<SinkPump> pump;
  // Agent's:
  SinkGroupUnit* group = nullptr;  // in the running pipeline
  bool is_tried = false;           // start() has been called
};

/// Sinks that share a thread: those of a sink group, or a single one.
struct SinkGroupUnit {
  ComponentLabel label;
  bool is_configured = false;  // as a sink group; else it bears the name of its sink
  std::vector<std::shared_ptr<SinkUnit>> sinks;
  std::unique_ptr<SinkProcessor> processor;
  std::unique_ptr<SinkRunner> runner;
};

/// What stands between a source and its channels.
struct SourceFlow {
  std::vector<std::size_t> channels;                         // indices into Pipeline::channels
  std::vector<std::size_t> required_channels;                // those of them the source waits for
  std::unique_ptr<ChannelSelector> selector;                 // its indices refer to `channels`
  std::unique_ptr<InterceptorChain> interceptors = nullptr;  // nullptr: none; indices as above
};

/// Every event to the channels of `route`, whose indices refer to Pipeline::channels.
SourceFlow replicating_flow(const Route& route);

struct SourceUnit {
  ComponentLabel label;
  // Both change while the source runs; Agent's.
  std::vector<std::shared_ptr<LiveChannel>> channels;           // of the processor
  std::vector<std::shared_ptr<LiveChannel>> required_channels;  // those of them it waits for
  std::unique_ptr<ChannelProcessor> processor;  // outlives the source, which refers to it
  std::unique_ptr<Source> source;
  std::unique_ptr<SourceRunner> runner;
  OpenFlag open;
};

/// Members are destroyed last to first: what refers goes before what it refers to.
struct Pipeline {
  std::string agent_name;
  std::vector<std::shared_ptr<LiveChannel>> channels;
  std::vector<std::shared_ptr<SinkUnit>> sinks;
  std::vector<std::shared_ptr<SinkGroupUnit>> groups;  // every sink is in one
  std::vector<std::shared_ptr<SourceUnit>> sources;

  using CreateSource = std::function<Result<std::unique_ptr<Source>>(EventReceiver&)>;

  void add_channel(ComponentLabel label, std::unique_ptr<channel::Channel> channel);

  /// A sink alone, with its runner. `clock` outlives the pipeline.
  void add_sink(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                const Clock& clock, const SinkRunnerOptions& options);

  /// A sink that add_group() will take; returns its index.
  std::size_t add_member(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                         const Clock& clock);

  /// Where events go that sink `sink` refuses for good.
  void set_dead_letters(std::size_t sink, std::unique_ptr<DeadLetters> dead_letters);

  using CreateProcessor =
      std::function<std::unique_ptr<SinkProcessor>(std::vector<SinkPump*> pumps)>;

  /// A sink of `sinks` that is in no group.
  void add_single(std::size_t member, const SinkRunnerOptions& options);

  /// `members` are indices into `sinks`, at least one.
  void add_group(ComponentLabel label, const std::vector<std::size_t>& members,
                 const CreateProcessor& create, const SinkRunnerOptions& options);

  /// The channels of `flow` are added already. Fails as `create` does.
  Result<void> add_source(ComponentLabel label, SourceFlow flow, const CreateSource& create,
                          const SourceRunnerOptions& options);

  /// Indices into `channels`, as what they refer to.
  [[nodiscard]] std::vector<std::shared_ptr<LiveChannel>> channels_at(
      const std::vector<std::size_t>& indices) const;
};

/// What takes the place of a running pipeline: whatever both have is kept as it is.
struct NextPipeline {
  /// A source that is kept and puts its events elsewhere, or with other interceptors.
  struct FlowChange {
    std::shared_ptr<SourceUnit> source;
    SourceFlow flow;  // its indices refer to the next pipeline
  };

  Pipeline pipeline;
  std::vector<FlowChange> flows;
};

/// What ChannelProcessor makes of a flow. `channels` are those of the flow, in its order.
ProcessorFlow processor_flow(SourceFlow flow,
                             const std::vector<std::shared_ptr<LiveChannel>>& channels);

}  // namespace spillway::agent
