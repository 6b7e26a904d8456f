// Pipeline: the components of one agent, created and wired, not yet started.
//
// Owns them and the order of their destruction; Agent decides when they start and stop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/channel_processor.h"
#include "agent/component.h"
#include "agent/live_channel.h"
#include "agent/open_flag.h"
#include "agent/sink_runner.h"
#include "agent/source_runner.h"

namespace spillway::agent {

/// A component's name in the configuration and its canonical type.
struct ComponentLabel {
  std::string name;
  std::string type;
};

struct SinkUnit {
  ComponentLabel label;
  std::size_t channel = 0;  // index into Pipeline::channels
  std::unique_ptr<Sink> sink;
  std::unique_ptr<SinkRunner> runner;
  OpenFlag open;
};

struct SourceUnit {
  ComponentLabel label;
  std::vector<std::size_t> required_channels;   // indices into Pipeline::channels
  std::unique_ptr<ChannelProcessor> processor;  // outlives the source, which refers to it
  std::unique_ptr<Source> source;
  std::unique_ptr<SourceRunner> runner;
  OpenFlag open;
};

/// Members are destroyed last to first: what refers goes before what it refers to.
struct Pipeline {
  std::string agent_name;
  std::vector<std::unique_ptr<LiveChannel>> channels;
  std::vector<std::unique_ptr<SinkUnit>> sinks;
  std::vector<std::unique_ptr<SourceUnit>> sources;

  using CreateSource = std::function<Result<std::unique_ptr<Source>>(EventReceiver&)>;

  void add_channel(ComponentLabel label, std::unique_ptr<channel::Channel> channel);

  /// `clock` outlives the pipeline.
  void add_sink(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                const Clock& clock, const SinkRunnerOptions& options);

  /// `route` and its indices refer to `channels`, all of which are added already. Fails as
  /// `create` does.
  Result<void> add_source(ComponentLabel label, const Route& route, const CreateSource& create,
                          const SourceRunnerOptions& options);
};

}  // namespace spillway::agent
