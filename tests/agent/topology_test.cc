// Drawings show every component and every link, are the same each time, and no name breaks them.

#include "agent/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/agent_config.h"
#include "agent/markup.h"

namespace spillway::agent {
namespace {

using testing::HasSubstr;
using testing::Not;

Topology topology(const std::string& text) {
  ConfigText config;
  config.files = {"f"};
  config.properties = parse_properties(text, "f", config.problems);
  const LoadedAgent loaded = validate_agent(config, "a1");
  EXPECT_FALSE(has_errors(loaded.problems)) << to_string(loaded.problems.front());
  return topology_of(loaded.agent);
}

constexpr const char* kRich =
    "a1.sources = r1 r2\na1.channels = c1 c2\na1.sinks = k1 k2 k3\na1.sinkgroups = g\n"
    "a1.sources.r1.type = seq\na1.sources.r1.channels = c1 c2\n"
    "a1.sources.r1.selector.optional = c2\n"
    "a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.type = host\n"
    "a1.sources.r2.type = seq\na1.sources.r2.channels = c2\n"
    "a1.channels.c1.type = memory\na1.channels.c2.type = memory\n"
    "a1.sinks.k1.type = null\na1.sinks.k1.channel = c1\n"
    "a1.sinks.k2.type = logger\na1.sinks.k2.channel = c2\n"
    "a1.sinks.k3.type = null\na1.sinks.k3.channel = c1\n"
    "a1.sinkgroups.g.sinks = k1 k3\na1.sinkgroups.g.processor.type = load_balance\n";

TEST(TopologyTest, DotHasAllNodesLinksAndGroups) {
  const std::string dot = draw_dot(topology(kRich));
  for (const char* part : {"digraph \"a1\" {", "\"source r1\" -> \"channel c1\";",
                           "\"source r1\" -> \"channel c2\" [style=dashed];",
                           "\"source r2\" -> \"channel c2\";", "\"channel c1\" -> \"sink k1\";",
                           "\"channel c1\" -> \"sink k3\";", "\"channel c2\" -> \"sink k2\";",
                           "subgraph \"cluster_g\" { label=\"g\"; \"sink k1\"; \"sink k3\"; }",
                           "label=\"r1\\nseq\\nhost; replicating\""}) {
    EXPECT_THAT(dot, HasSubstr(part));
  }
}

TEST(TopologyTest, MermaidHasAllNodesLinksAndGroups) {
  EXPECT_EQ(draw_mermaid(topology(kRich)),
            "flowchart LR\n"
            "  n0[\"r1<br/>seq<br/>host#59; replicating\"]\n"
            "  n1[\"r2<br/>seq\"]\n"
            "  n2[(\"c1<br/>memory\")]\n"
            "  n3[(\"c2<br/>memory\")]\n"
            "  subgraph g4 [\"g\"]\n"
            "    n4[\"k1<br/>null\"]\n"
            "    n5[\"k3<br/>null\"]\n"
            "  end\n"
            "  n6[\"k2<br/>logger\"]\n"
            "  n0 --> n2\n"
            "  n0 -.-> n3\n"
            "  n1 --> n3\n"
            "  n2 --> n4\n"
            "  n2 --> n5\n"
            "  n3 --> n6\n");
}

TEST(TopologyTest, SvgShowsEveryNameAndIsTheSameEachTime) {
  const std::string svg = draw_svg(topology(kRich));
  for (const char* name : {"r1", "r2", "c1", "c2", "k1", "k2", "k3", ">g<", "agent a1"}) {
    EXPECT_THAT(svg, HasSubstr(name));
  }
  EXPECT_EQ(svg, draw_svg(topology(kRich)));
}

TEST(TopologyTest, NamesCannotBreakADrawing) {
  const std::string name = "<b>\"&'\\x";
  Topology wild;
  wild.agent = name;
  wild.nodes = {{TopologyNode::Kind::kSource, name, "seq", name, ""},
                {TopologyNode::Kind::kChannel, name, "memory", "", ""},
                {TopologyNode::Kind::kSink, std::string(300, 'n'), "null", "", name}};
  wild.edges = {{0, 1, TopologyEdge::Kind::kRequired}, {1, 2, TopologyEdge::Kind::kRejected}};
  const std::string svg = draw_svg(wild);
  EXPECT_THAT(svg, Not(HasSubstr("<b>")));
  EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&quot;&amp;"));
  EXPECT_THAT(draw_mermaid(wild), Not(HasSubstr("<b>")));
  EXPECT_THAT(draw_dot(wild), HasSubstr("\"source <b>\\\"&'\\\\x\""));
}

TEST(MarkupTest, ForeignTextIsTextAndWellFormed) {
  EXPECT_EQ(as_markup("a<b>\"&'c\xC3\xA9"), "a&lt;b&gt;&quot;&amp;'c\xC3\xA9");
  EXPECT_EQ(as_markup("\x01\n\xFF\xC3"), "  \xEF\xBF\xBD\xEF\xBF\xBD");
}

}  // namespace
}  // namespace spillway::agent
