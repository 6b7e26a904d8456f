#include "agent/pipeline.h"

#include <utility>

#include "agent/selectors/replicating_selector.h"
#include "agent/sink_groups/default_processor.h"
#include "wal/base/check.h"

namespace spillway::agent {

SourceFlow replicating_flow(const Route& route) {
  SourceFlow flow;
  Route own;
  for (const std::size_t index : route.required) {
    own.required.push_back(flow.channels.size());
    flow.channels.push_back(index);
  }
  for (const std::size_t index : route.optional) {
    own.optional.push_back(flow.channels.size());
    flow.channels.push_back(index);
  }
  flow.required_channels = route.required;
  flow.selector = std::make_unique<ReplicatingSelector>(std::move(own));
  return flow;
}

void Pipeline::add_channel(ComponentLabel label, std::unique_ptr<channel::Channel> channel) {
  channels.push_back(std::make_unique<LiveChannel>(std::move(label.name), std::move(label.type),
                                                   std::move(channel)));
}

void Pipeline::add_sink(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                        const Clock& clock, const SinkRunnerOptions& options) {
  const std::string name = label.name;
  const std::size_t index = add_member(std::move(label), std::move(sink), channel, clock);
  const auto alone = [](const std::vector<SinkPump*>& pumps) {
    return std::make_unique<DefaultProcessor>(*pumps.front());
  };
  add_group({name, "default"}, {index}, alone, options);
  groups.back()->is_configured = false;
}

std::size_t Pipeline::add_member(ComponentLabel label, std::unique_ptr<Sink> sink,
                                 std::size_t channel, const Clock& clock) {
  CHECK(channel < channels.size());
  auto unit = std::make_unique<SinkUnit>();
  unit->label = std::move(label);
  unit->channel = channel;
  unit->sink = std::move(sink);
  unit->pump = std::make_unique<SinkPump>(unit->label.name, *unit->sink,
                                          channels[channel]->channel(), unit->open, clock);
  sinks.push_back(std::move(unit));
  return sinks.size() - 1;
}

void Pipeline::add_group(ComponentLabel label, std::vector<std::size_t> members,
                         const CreateProcessor& create, const SinkRunnerOptions& options) {
  std::vector<SinkPump*> pumps;
  for (const std::size_t member : members) {
    sinks[member]->group = groups.size();
    pumps.push_back(sinks[member]->pump.get());
  }
  auto unit = std::make_unique<SinkGroupUnit>();
  unit->label = std::move(label);
  unit->is_configured = true;
  unit->sinks = std::move(members);
  unit->processor = create(std::move(pumps));
  unit->runner = std::make_unique<SinkRunner>(unit->label.name, *unit->processor, options);
  groups.push_back(std::move(unit));
}

Result<void> Pipeline::add_source(ComponentLabel label, SourceFlow flow, const CreateSource& create,
                                  const SourceRunnerOptions& options) {
  std::vector<LiveChannel*> targets;
  targets.reserve(flow.channels.size());
  for (const std::size_t index : flow.channels) targets.push_back(channels[index].get());

  auto unit = std::make_unique<SourceUnit>();
  unit->label = std::move(label);
  unit->required_channels = std::move(flow.required_channels);
  unit->processor = std::make_unique<ChannelProcessor>(
      unit->label.name, std::move(targets), std::move(flow.selector), std::move(flow.interceptors));
  TRY_ASSIGN(unit->source, create(*unit->processor));
  unit->runner = std::make_unique<SourceRunner>(unit->label.name, *unit->source, options);
  sources.push_back(std::move(unit));
  return {};
}

}  // namespace spillway::agent
