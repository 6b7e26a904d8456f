#include "agent/sink_groups/default_processor.h"

#include "agent/config.h"
#include "agent/registry.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

std::vector<OptionProblem> check(const Config&, const std::vector<std::string>& sinks) {
  if (sinks.size() == 1) return {};
  return {{"type", "the default processor has one sink; use failover or load_balance for more"}};
}

std::unique_ptr<SinkProcessor> create(const SinkProcessorContext& context, const Config&) {
  CHECK(context.pumps.size() == 1);
  return std::make_unique<DefaultProcessor>(*context.pumps.front());
}

}  // namespace

const SinkProcessorType kDefaultProcessor{
    .name = "default",
    .java_class = "org.apache.flume.sink.DefaultSinkProcessor",
    .help = "One sink alone, as without a group.",
    .options = {},
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
