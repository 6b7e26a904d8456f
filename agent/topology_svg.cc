// The drawing of a Topology for a browser: three columns, straight from what feeds what.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "agent/markup.h"
#include "agent/topology.h"

namespace spillway::agent {
namespace {

using Edge = TopologyEdge;
using Node = TopologyNode;

constexpr int kNodeWidth = 200;
constexpr int kNodeHeight = 56;
constexpr int kRowStep = 84;
constexpr int kColumnStep = 300;
constexpr int kMargin = 30;
constexpr std::size_t kLabelMax = 26;  // code points that fit into a node
constexpr std::size_t kColumns = 3;

/// Cut between characters.
std::string shortened(std::string_view text) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U) continue;
    if (characters++ == kLabelMax) return std::string(text.substr(0, i)) + "…";
  }
  return std::string(text);
}

class Layout {
 public:
  explicit Layout(const Topology& topology) : topology_(topology), rows_(topology.nodes.size()) {
    for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
      columns_[static_cast<std::size_t>(topology.nodes[i].kind)].push_back(i);
    }
    number_rows();
    // Channels near their sources; then sinks near their channels, groups as a whole.
    order_by_neighbours(1, false);
    order_by_neighbours(2, true);
    order_by_neighbours(0, false);
  }

  [[nodiscard]] int x(std::size_t node) const {
    return kMargin + kColumnStep * static_cast<int>(topology_.nodes[node].kind);
  }
  [[nodiscard]] int y(std::size_t node) const {
    const auto& column = columns_[static_cast<std::size_t>(topology_.nodes[node].kind)];
    const int free_rows = static_cast<int>(height_rows()) - static_cast<int>(column.size());
    return kMargin + 20 + kRowStep * static_cast<int>(rows_[node]) + kRowStep * free_rows / 2;
  }
  [[nodiscard]] std::size_t height_rows() const {
    std::size_t rows = 1;
    for (const auto& column : columns_) rows = std::max(rows, column.size());
    return rows;
  }

 private:
  void number_rows() {
    for (const auto& column : columns_) {
      for (std::size_t row = 0; row < column.size(); ++row) rows_[column[row]] = row;
    }
  }

  /// Mean row of what a node is connected with, times 1000; its own when it stands alone.
  [[nodiscard]] std::size_t weight(std::size_t node) const {
    std::size_t sum = 0;
    std::size_t count = 0;
    for (const Edge& edge : topology_.edges) {
      if (edge.from != node && edge.to != node) continue;
      sum += rows_[edge.from == node ? edge.to : edge.from];
      ++count;
    }
    return count == 0 ? rows_[node] * 1000 : sum * 1000 / count;
  }

  void order_by_neighbours(std::size_t column, bool keeps_groups) {
    std::vector<std::size_t>& nodes = columns_[column];
    std::vector<std::size_t> weights(topology_.nodes.size());
    for (const std::size_t node : nodes) weights[node] = weight(node);
    if (keeps_groups) {
      for (const std::size_t node : nodes) {
        const std::string& group = topology_.nodes[node].group;
        if (group.empty()) continue;
        const auto first = std::find_if(nodes.begin(), nodes.end(), [&](std::size_t other) {
          return topology_.nodes[other].group == group;
        });
        weights[node] = weights[*first];
      }
    }
    std::stable_sort(nodes.begin(), nodes.end(), [&](std::size_t a, std::size_t b) {
      if (weights[a] != weights[b]) return weights[a] < weights[b];
      return keeps_groups && topology_.nodes[a].group < topology_.nodes[b].group;
    });
    number_rows();
  }

  const Topology& topology_;
  std::array<std::vector<std::size_t>, kColumns> columns_;
  std::vector<std::size_t> rows_;  // by node
};

std::string draw_node(const Node& node, int x, int y) {
  constexpr std::array<std::string_view, kColumns> kFills{"#e3f0ff", "#fff3d6", "#e4f5e6"};
  const int radius = node.kind == Node::Kind::kChannel ? 26 : 6;
  std::string out = fmt::format(
      "<g><title>{}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" "
      "fill=\"{}\" stroke=\"#555\"/>",
      as_markup(node.name), x, y, kNodeWidth, kNodeHeight, radius,
      kFills.at(static_cast<std::size_t>(node.kind)));
  const auto add_text = [&](int down, std::string_view style, const std::string& text) {
    out += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\"{}>{}</text>",
                       x + kNodeWidth / 2, y + down, style, as_markup(shortened(text)));
  };
  add_text(node.note.empty() ? 25 : 19, " font-weight=\"bold\"", node.name);
  add_text(node.note.empty() ? 43 : 35, " fill=\"#555\"", node.type);
  if (!node.note.empty()) add_text(50, " fill=\"#777\" font-size=\"11\"", node.note);
  return out + "</g>\n";
}

/// A frame around the sinks of each group, which stand side by side.
std::string draw_groups(const Topology& topology, const Layout& layout) {
  std::string out;
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    const std::string& group = topology.nodes[i].group;
    if (group.empty() || (i > 0 && topology.nodes[i - 1].group == group)) continue;
    int top = layout.y(i);
    int bottom = top;
    for (std::size_t k = i; k < topology.nodes.size() && topology.nodes[k].group == group; ++k) {
      top = std::min(top, layout.y(k));
      bottom = std::max(bottom, layout.y(k));
    }
    out += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"none\" "
        "stroke=\"#999\" stroke-dasharray=\"4 3\"/><text x=\"{}\" y=\"{}\" fill=\"#777\" "
        "font-size=\"11\">{}</text>\n",
        layout.x(i) - 8, top - 16, kNodeWidth + 16, bottom - top + kNodeHeight + 24,
        layout.x(i) - 4, top - 5, as_markup(shortened(group)));
  }
  return out;
}

std::string draw_edge(const Edge& edge, const Layout& layout) {
  constexpr std::array<std::string_view, 3> kDashes{"", " stroke-dasharray=\"6 4\"",
                                                    " stroke-dasharray=\"2 4\""};
  const int x1 = layout.x(edge.from) + kNodeWidth;
  const int y1 = layout.y(edge.from) + kNodeHeight / 2;
  const int x2 = layout.x(edge.to) - 4;
  const int y2 = layout.y(edge.to) + kNodeHeight / 2;
  const int middle = (x1 + x2) / 2;
  return fmt::format(
      "<path d=\"M {} {} C {} {}, {} {}, {} {}\" fill=\"none\" stroke=\"#555\"{} "
      "marker-end=\"url(#arrow)\"/>\n",
      x1, y1, middle, y1, middle, y2, x2, y2, kDashes.at(static_cast<std::size_t>(edge.kind)));
}

}  // namespace

std::string draw_svg(const Topology& topology) {
  const Layout layout(topology);
  const int width = 2 * kMargin + 2 * kColumnStep + kNodeWidth;
  const int height = 2 * kMargin + 20 + kRowStep * static_cast<int>(layout.height_rows());
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"14\">\n"
      "<title>agent {2}</title>\n<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" "
      "refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\">"
      "<path d=\"M 0 0 L 8 4 L 0 8 z\" fill=\"#555\"/></marker></defs>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n"
      "<text x=\"{3}\" y=\"24\" fill=\"#555\">agent {4}</text>\n",
      width, height, as_markup(topology.agent), kMargin, as_markup(shortened(topology.agent)));
  out += draw_groups(topology, layout);
  for (const Edge& edge : topology.edges) out += draw_edge(edge, layout);
  for (std::size_t i = 0; i < topology.nodes.size(); ++i) {
    out += draw_node(topology.nodes[i], layout.x(i), layout.y(i));
  }
  return out + "</svg>\n";
}

}  // namespace spillway::agent
