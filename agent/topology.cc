#include "agent/topology.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace spillway::agent {
namespace {

using Edge = TopologyEdge;
using Node = TopologyNode;

std::string_view kind_word(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kSource:
      return "source";
    case Node::Kind::kChannel:
      return "channel";
    case Node::Kind::kSink:
      return "sink";
  }
  return "";
}

std::string note_of(const SourceConfig& source) {
  std::string note;
  for (const InterceptorConfig& interceptor : source.interceptors) {
    note += (note.empty() ? "" : ", ") + std::string(interceptor.type->name);
  }
  if (source.channels.size() > 1) {
    note += (note.empty() ? "" : "; ") + std::string(source.selector.type->name);
  }
  return note;
}

/// The sinks in the order they are drawn in, with their group.
std::vector<std::pair<std::size_t, std::string>> sinks_by_group(const AgentConfig& agent) {
  std::vector<std::pair<std::size_t, std::string>> sinks;
  std::vector<bool> is_grouped(agent.sinks.size(), false);
  for (const SinkGroupConfig& group : agent.sink_groups) {
    for (const std::size_t sink : group.sinks) {
      is_grouped[sink] = true;
      sinks.emplace_back(sink, group.name);
    }
  }
  for (std::size_t i = 0; i < agent.sinks.size(); ++i) {
    if (!is_grouped[i]) sinks.emplace_back(i, "");
  }
  return sinks;
}

void add_edge(Topology& topology, Edge edge) {
  const bool is_known = std::any_of(
      topology.edges.begin(), topology.edges.end(),
      [&edge](const Edge& other) { return other.from == edge.from && other.to == edge.to; });
  if (!is_known) topology.edges.push_back(edge);
}

void add_edges(const SourceConfig& source, std::size_t from, std::size_t first_channel,
               Topology& topology) {
  const auto add = [&](std::size_t channel, Edge::Kind kind) {
    add_edge(topology, {from, first_channel + channel, kind});
  };
  for (const InterceptorConfig& interceptor : source.interceptors) {
    if (interceptor.rejected_channel) add(*interceptor.rejected_channel, Edge::Kind::kRejected);
  }
  for (const std::size_t channel : source.channels) {
    const auto& optional = source.optional_channels;
    const bool is_optional = std::find(optional.begin(), optional.end(), channel) != optional.end();
    add(channel, is_optional ? Edge::Kind::kOptional : Edge::Kind::kRequired);
  }
}

/// In double quotes of DOT: `\` and `"` are special.
std::string in_dot(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

/// In double quotes of Mermaid, which knows numbered characters only.
std::string in_mermaid(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                          (c >= 'A' && c <= 'Z') || c == ' ' || c == '_' || c == '-' || c == '.' ||
                          static_cast<unsigned char>(c) >= 0x80;
    out += is_plain ? std::string(1, c) : fmt::format("#{};", static_cast<int>(c));
  }
  return out;
}

std::string id_of(const Node& node) {
  return fmt::format("{} {}", kind_word(node.kind), node.name);
}

}  // namespace

Topology topology_of(const AgentConfig& agent) {
  Topology topology;
  topology.agent = agent.name;
  for (const SourceConfig& source : agent.sources) {
    topology.nodes.push_back(
        {Node::Kind::kSource, source.name, std::string(source.type->name), note_of(source)});
  }
  const std::size_t first_channel = topology.nodes.size();
  for (const ChannelConfig& channel : agent.channels) {
    topology.nodes.push_back({Node::Kind::kChannel, channel.name, std::string(channel.type->name)});
  }
  for (std::size_t i = 0; i < agent.sources.size(); ++i) {
    add_edges(agent.sources[i], i, first_channel, topology);
  }
  for (const auto& [index, group] : sinks_by_group(agent)) {
    const SinkConfig& sink = agent.sinks[index];
    add_edge(topology,
             {first_channel + sink.channel, topology.nodes.size(), Edge::Kind::kRequired});
    topology.nodes.push_back(
        {Node::Kind::kSink, sink.name, std::string(sink.type->name), "", group});
  }
  return topology;
}

std::string draw_dot(const Topology& topology) {
  std::string out = fmt::format("digraph {} {{\n  rankdir=LR;\n", in_dot(topology.agent));
  for (const Node& node : topology.nodes) {
    const std::string note = node.note.empty() ? "" : "\n" + node.note;
    std::string label = in_dot(node.name + "\n" + node.type + note);
    for (std::size_t at = label.find('\n'); at != std::string::npos; at = label.find('\n')) {
      label.replace(at, 1, "\\n");
    }
    out += fmt::format("  {} [shape={}, label={}];\n", in_dot(id_of(node)),
                       node.kind == Node::Kind::kChannel ? "cylinder" : "box", label);
  }
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const std::string& group = topology.nodes[i].group;
    if (group.empty() || (i > 0 && topology.nodes[i - 1].group == group)) continue;
    out += fmt::format("  subgraph {} {{ label={};", in_dot("cluster_" + group), in_dot(group));
    for (std::size_t k = i; k < topology.nodes.size() && topology.nodes[k].group == group; ++k) {
      out += " " + in_dot(id_of(topology.nodes[k])) + ";";
    }
    out += " }\n";
  }
  for (const Edge& edge : topology.edges) {
    const std::string_view style = edge.kind == Edge::Kind::kOptional   ? " [style=dashed]"
                                   : edge.kind == Edge::Kind::kRejected ? " [style=dotted]"
                                                                        : "";
    out += fmt::format("  {} -> {}{};\n", in_dot(id_of(topology.nodes[edge.from])),
                       in_dot(id_of(topology.nodes[edge.to])), style);
  }
  return out + "}\n";
}

std::string draw_mermaid(const Topology& topology) {
  std::string out = "flowchart LR\n";
  const auto node_line = [&topology](std::size_t i) {
    const Node& node = topology.nodes[i];
    std::string label = in_mermaid(node.name) + "<br/>" + in_mermaid(node.type);
    if (!node.note.empty()) label += "<br/>" + in_mermaid(node.note);
    return node.kind == Node::Kind::kChannel ? fmt::format("n{}[(\"{}\")]\n", i, label)
                                             : fmt::format("n{}[\"{}\"]\n", i, label);
  };
  std::string open_group;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const std::string& group = topology.nodes[i].group;
    if (group != open_group) {
      if (!open_group.empty()) out += "  end\n";
      if (!group.empty()) out += fmt::format("  subgraph g{} [\"{}\"]\n", i, in_mermaid(group));
      open_group = group;
    }
    out += (open_group.empty() ? "  " : "    ") + node_line(i);
  }
  if (!open_group.empty()) out += "  end\n";
  for (const Edge& edge : topology.edges) {
    const std::string_view arrow = edge.kind == Edge::Kind::kRequired ? "-->" : "-.->";
    out += fmt::format("  n{} {} n{}\n", edge.from, arrow, edge.to);
  }
  return out;
}

}  // namespace spillway::agent
