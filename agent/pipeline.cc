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
  channels.push_back(std::make_shared<LiveChannel>(std::move(label.name), std::move(label.type),
                                                   std::move(channel)));
}

void Pipeline::add_sink(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                        const Clock& clock, const SinkRunnerOptions& options) {
  add_single(add_member(std::move(label), std::move(sink), channel, clock), options);
}

void Pipeline::add_single(std::size_t member, const SinkRunnerOptions& options) {
  const auto alone = [](const std::vector<SinkPump*>& pumps) {
    return std::make_unique<DefaultProcessor>(*pumps.front());
  };
  add_group({sinks[member]->label.name, "default"}, {member}, alone, options);
  groups.back()->is_configured = false;
}

std::size_t Pipeline::add_member(ComponentLabel label, std::unique_ptr<Sink> sink,
                                 std::size_t channel, const Clock& clock) {
  CHECK(channel < channels.size());
  auto unit = std::make_shared<SinkUnit>();
  unit->label = std::move(label);
  unit->channel = channels[channel];
  unit->sink = std::move(sink);
  unit->pump = std::make_unique<SinkPump>(unit->label.name, *unit->sink,
                                          channels[channel]->channel(), unit->open, clock);
  sinks.push_back(std::move(unit));
  return sinks.size() - 1;
}

void Pipeline::set_dead_letters(std::size_t sink, std::unique_ptr<DeadLetters> dead_letters) {
  SinkUnit& unit = *sinks[sink];
  unit.dead_letters = std::move(dead_letters);
  unit.pump->set_dead_letters(*unit.dead_letters);
}

void Pipeline::add_group(ComponentLabel label, const std::vector<std::size_t>& members,
                         const CreateProcessor& create, const SinkRunnerOptions& options) {
  std::vector<SinkPump*> pumps;
  auto unit = std::make_shared<SinkGroupUnit>();
  for (const std::size_t member : members) {
    unit->sinks.push_back(sinks[member]);
    pumps.push_back(sinks[member]->pump.get());
  }
  unit->label = std::move(label);
  unit->is_configured = true;
  unit->processor = create(std::move(pumps));
  unit->runner = std::make_unique<SinkRunner>(unit->label.name, *unit->processor, options);
  groups.push_back(std::move(unit));
}

Result<void> Pipeline::add_source(ComponentLabel label, SourceFlow flow, const CreateSource& create,
                                  const SourceRunnerOptions& options) {
  auto unit = std::make_shared<SourceUnit>();
  unit->label = std::move(label);
  unit->channels = channels_at(flow.channels);
  unit->required_channels = channels_at(flow.required_channels);
  ProcessorFlow parts = processor_flow(std::move(flow), unit->channels);
  unit->processor =
      std::make_unique<ChannelProcessor>(unit->label.name, std::move(parts.channels),
                                         std::move(parts.selector), std::move(parts.interceptors));
  TRY_ASSIGN(unit->source, create(*unit->processor));
  unit->runner = std::make_unique<SourceRunner>(unit->label.name, *unit->source, options);
  sources.push_back(std::move(unit));
  return {};
}

std::vector<std::shared_ptr<LiveChannel>> Pipeline::channels_at(
    const std::vector<std::size_t>& indices) const {
  std::vector<std::shared_ptr<LiveChannel>> found;
  found.reserve(indices.size());
  for (const std::size_t index : indices) found.push_back(channels[index]);
  return found;
}

ProcessorFlow processor_flow(SourceFlow flow,
                             const std::vector<std::shared_ptr<LiveChannel>>& channels) {
  ProcessorFlow parts;
  for (const auto& channel : channels) parts.channels.push_back(channel.get());
  parts.selector = std::move(flow.selector);
  parts.interceptors = std::move(flow.interceptors);
  return parts;
}

}  // namespace spillway::agent
