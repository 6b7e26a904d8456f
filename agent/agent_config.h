// AgentConfig: everything one agent will run, validated; made from properties files.
//
// Knows the shape of Flume's keys (`<agent>.<section>.<component>.<option>`), the lists, the links
// between components and the rules across them. What one option means is its OptionSpec row's
// business; building and running the components is the runtime's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/config_text.h"
#include "agent/interceptor.h"
#include "agent/selectors/channel_selector.h"
#include "agent/sink_groups/sink_processor.h"

namespace spillway::agent {

struct ChannelConfig {
  std::string name;
  ConfigOrigin origin;  // of the `type` key
  const ChannelType* type = nullptr;
  Config config;
};

struct SelectorConfig {
  const SelectorType* type = nullptr;
  Config config;
};

struct InterceptorConfig {
  std::string name;
  ConfigOrigin origin;  // of the `type` key
  const InterceptorType* type = nullptr;
  Config config;
  Config runner;                                // the keys every interceptor has
  std::optional<std::size_t> rejected_channel;  // index into AgentConfig::channels
};

struct SourceConfig {
  std::string name;
  ConfigOrigin origin;
  const SourceType* type = nullptr;
  Config config;
  Config runner;                                // the keys every source has: agent/runner_options.h
  std::vector<std::size_t> channels;            // as listed; indices into AgentConfig::channels
  SelectorConfig selector;                      // names and indices as in `channels`
  std::vector<InterceptorConfig> interceptors;  // in their order
  std::vector<std::size_t> required_channels;   // those whose failure is the source's
  std::vector<std::size_t> optional_channels;   // may fail without failing the source
};

struct SinkConfig {
  std::string name;
  ConfigOrigin origin;
  const SinkType* type = nullptr;
  Config config;
  Config runner;                                 // the keys every sink has: agent/runner_options.h
  std::size_t channel = 0;                       // index into AgentConfig::channels
  std::optional<std::size_t> dead_letters = {};  // the same; for what the store refuses for good
  bool has_dead_letter_directory = false;        // that channel is the sink's own
};

struct SinkGroupConfig {
  std::string name;
  ConfigOrigin origin;  // of the `sinks` key
  const SinkProcessorType* type = nullptr;
  Config config;                   // of the processor
  std::vector<std::size_t> sinks;  // as listed; indices into AgentConfig::sinks
};

/// In the order the lists name them.
struct AgentConfig {
  std::string name;
  std::vector<ChannelConfig> channels;
  std::vector<SourceConfig> sources;
  std::vector<SinkConfig> sinks;
  std::vector<SinkGroupConfig> sink_groups;
};

/// A component that is not valid has no type. `agent` is complete only when has_errors(problems) is
/// false and no key of the text is unknown (--no-env). Problems are sorted by place.
struct LoadedAgent {
  AgentConfig agent;
  std::vector<ConfigProblem> problems;            // reasons to refuse, and notices
  std::vector<std::string> secrets;               // what no later message may show: agent/secrets.h
  std::vector<std::optional<std::string>> texts;  // of the files: ConfigText
};

/// Validates the agent called `agent_name`. Reports every problem it can find, never only the
/// first, and those of the text too.
LoadedAgent validate_agent(const ConfigText& text, std::string_view agent_name);

/// Reads the files (a later one replaces the keys of an earlier one), replaces variables by what
/// `sources` says, and validates.
LoadedAgent load_agent_config(const std::vector<std::string>& files, std::string_view agent_name,
                              const VariableSources& sources);
/// With the variables of this process.
LoadedAgent load_agent_config(const std::vector<std::string>& files, std::string_view agent_name);

}  // namespace spillway::agent
