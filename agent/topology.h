// Topology: who hands events to whom in one agent, and drawings of it.
//
// The same configuration gives the same bytes. Names come from outside: each drawing escapes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/agent_config.h"

namespace spillway::agent {

struct TopologyNode {
  enum class Kind : std::uint8_t { kSource, kChannel, kSink };
  Kind kind = Kind::kSource;
  std::string name;
  std::string type;
  std::string note = {};   // interceptors and selector of a source; may be empty
  std::string group = {};  // of a sink; empty: none
};

struct TopologyEdge {
  enum class Kind : std::uint8_t { kRequired, kOptional, kRejected };
  std::size_t from = 0;  // indices into Topology::nodes
  std::size_t to = 0;
  Kind kind = Kind::kRequired;
};

struct Topology {
  std::string agent;
  std::vector<TopologyNode> nodes;  // sources, channels, sinks; sinks of a group side by side
  std::vector<TopologyEdge> edges;
};

/// `agent` has no errors.
Topology topology_of(const AgentConfig& agent);

std::string draw_dot(const Topology& topology);
std::string draw_mermaid(const Topology& topology);
/// Three columns; within a column nodes stand near to what they are connected with.
std::string draw_svg(const Topology& topology);

}  // namespace spillway::agent
