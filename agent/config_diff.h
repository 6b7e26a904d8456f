// ConfigDiff: which parts of a running agent a new configuration leaves as they are.
//
// Compares effective values, so that a default that is written out changes nothing. What is done
// with the answer: pipeline_builder.h, Agent::replace().
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/agent_config.h"

namespace spillway::agent {

/// The vectors are parallel to those of the wanted configuration.
struct ConfigDiff {
  std::vector<bool> kept_channels;
  std::vector<bool> kept_sinks;        // those of a channel that is not kept are not kept either
  std::vector<bool> kept_groups;       // the same sinks in the same order, all of them kept
  std::vector<bool> kept_sources;      // whatever becomes of their channels and interceptors
  std::vector<bool> has_flow_changed;  // channels, selector or interceptors of a kept source

  /// Channels that are kept and whose spill.force changes, with its new value.
  std::vector<std::pair<std::string, bool>> spill_switches;

  /// One line per part that is not as it was: "sources.r1: interceptors". No values: they may be
  /// secret.
  std::vector<std::string> changes;
};

/// Both are complete; they are of the same agent.
ConfigDiff diff_configs(const AgentConfig& running, const AgentConfig& wanted);

}  // namespace spillway::agent
