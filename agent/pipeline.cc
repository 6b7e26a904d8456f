#include "agent/pipeline.h"

#include <utility>

#include "agent/selectors/replicating_selector.h"
#include "wal/base/check.h"

namespace spillway::agent {

void Pipeline::add_channel(ComponentLabel label, std::unique_ptr<channel::Channel> channel) {
  channels.push_back(std::make_unique<LiveChannel>(std::move(label.name), std::move(label.type),
                                                   std::move(channel)));
}

void Pipeline::add_sink(ComponentLabel label, std::unique_ptr<Sink> sink, std::size_t channel,
                        const Clock& clock, const SinkRunnerOptions& options) {
  CHECK(channel < channels.size());
  auto unit = std::make_unique<SinkUnit>();
  unit->label = std::move(label);
  unit->channel = channel;
  unit->sink = std::move(sink);
  unit->runner = std::make_unique<SinkRunner>(unit->label.name, *unit->sink,
                                              channels[channel]->channel(), clock, options);
  sinks.push_back(std::move(unit));
}

Result<void> Pipeline::add_source(ComponentLabel label, const Route& route,
                                  const CreateSource& create, const SourceRunnerOptions& options) {
  std::vector<LiveChannel*> targets;
  targets.reserve(channels.size());
  for (const auto& channel : channels) targets.push_back(channel.get());

  auto unit = std::make_unique<SourceUnit>();
  unit->label = std::move(label);
  unit->required_channels = route.required;
  unit->processor = std::make_unique<ChannelProcessor>(
      unit->label.name, std::move(targets), std::make_unique<ReplicatingSelector>(route));
  TRY_ASSIGN(unit->source, create(*unit->processor));
  unit->runner = std::make_unique<SourceRunner>(unit->label.name, *unit->source, options);
  sources.push_back(std::move(unit));
  return {};
}

}  // namespace spillway::agent
