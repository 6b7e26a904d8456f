#include "agent/metric_families.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace spillway::agent {
namespace {

constexpr std::array kQuantiles{0.5, 0.9, 0.99, 0.999};

std::string valid_name(std::string_view name) {
  std::string valid(name);
  for (char& c : valid) {
    const bool is_valid = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == ':';
    if (!is_valid) c = '_';
  }
  if (valid.empty() || (valid[0] >= '0' && valid[0] <= '9')) valid.insert(valid.begin(), '_');
  return valid;
}

std::string escaped(std::string_view text, bool is_label) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && is_label) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

// `{a="b",c="d"}`, or nothing; `quantile` is one label more.
std::string label_set(const MetricLabels& labels, std::string_view quantile = {}) {
  std::string inside;
  for (const auto& [key, value] : labels) {
    if (!inside.empty()) inside += ',';
    inside += fmt::format("{}=\"{}\"", valid_name(key), escaped(value, true));
  }
  if (!quantile.empty()) {
    if (!inside.empty()) inside += ',';
    inside += fmt::format("quantile=\"{}\"", quantile);
  }
  return inside.empty() ? inside : "{" + inside + "}";
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

struct BaseUnit {
  std::string name;
  double factor = 1.0;
};

BaseUnit in_base_unit(std::string_view name) {
  constexpr std::string_view kNs = "_ns";
  constexpr std::string_view kMs = "_ms";
  const auto stem = [name] { return std::string(name.substr(0, name.size() - 3)); };
  if (name.ends_with(kNs)) return {.name = stem() + "_seconds", .factor = 1e-9};
  if (name.ends_with(kMs)) return {.name = stem() + "_seconds", .factor = 1e-3};
  return {.name = std::string(name)};
}

}  // namespace

std::string* MetricFamilies::sample(const std::string& name, std::string_view help,
                                    std::string_view type, const MetricLabels& labels) {
  Family& family = families_[name];
  if (family.type.empty()) {
    family.type = type;
    family.help = escaped(help, false);
  }
  if (family.type != type) return nullptr;
  const auto [at, is_new] = family.samples.try_emplace(label_set(labels));
  return is_new ? &at->second : nullptr;
}

void MetricFamilies::add_counter(std::string_view name, std::string_view help,
                                 const MetricLabels& labels, std::uint64_t value) {
  std::string full = valid_name(name);
  if (!full.ends_with("_total")) full += "_total";
  if (std::string* lines = sample(full, help, "counter", labels)) {
    *lines = fmt::format("{}{} {}\n", full, label_set(labels), value);
  }
}

void MetricFamilies::add_seconds_counter(std::string_view name, std::string_view help,
                                         const MetricLabels& labels, double seconds) {
  const std::string full = valid_name(name);
  if (std::string* lines = sample(full, help, "counter", labels)) {
    *lines = fmt::format("{}{} {}\n", full, label_set(labels), number(seconds));
  }
}

void MetricFamilies::add_gauge(std::string_view name, std::string_view help,
                               const MetricLabels& labels, double value) {
  const BaseUnit unit = in_base_unit(valid_name(name));
  if (std::string* lines = sample(unit.name, help, "gauge", labels)) {
    *lines = fmt::format("{}{} {}\n", unit.name, label_set(labels), number(value * unit.factor));
  }
}

void MetricFamilies::add_summary(std::string_view name, std::string_view help,
                                 const MetricLabels& labels, const Histogram& value) {
  const BaseUnit unit = in_base_unit(valid_name(name));
  std::string* lines = sample(unit.name, help, "summary", labels);
  if (lines == nullptr) return;
  const auto scaled = [&unit](std::uint64_t raw) {
    return number(static_cast<double>(raw) * unit.factor);
  };
  const std::uint64_t count = value.count();
  for (const double quantile : kQuantiles) {
    const std::string of_none = "NaN";
    *lines += fmt::format("{}{} {}\n", unit.name, label_set(labels, fmt::format("{}", quantile)),
                          count == 0 ? of_none : scaled(value.quantile(quantile)));
  }
  *lines += fmt::format("{}_sum{} {}\n", unit.name, label_set(labels), scaled(value.sum()));
  *lines += fmt::format("{}_count{} {}\n", unit.name, label_set(labels), count);
}

std::string MetricFamilies::text() const {
  std::string out;
  for (const auto& [name, family] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, family.type);
    for (const auto& [labels, lines] : family.samples) out += lines;
  }
  return out;
}

ComponentMetrics::ComponentMetrics(MetricFamilies& families, std::string prefix,
                                   MetricLabels labels)
    : families_(families), prefix_(std::move(prefix)), labels_(std::move(labels)) {}

std::string ComponentMetrics::full_name(std::string_view name) const {
  return prefix_ + std::string(name);
}

void ComponentMetrics::counter(std::string_view name, std::string_view help, std::uint64_t value) {
  families_.add_counter(full_name(name), help, labels_, value);
}

void ComponentMetrics::gauge(std::string_view name, std::string_view help, double value) {
  families_.add_gauge(full_name(name), help, labels_, value);
}

void ComponentMetrics::histogram(std::string_view name, std::string_view help,
                                 const Histogram& value) {
  families_.add_summary(full_name(name), help, labels_, value);
}

}  // namespace spillway::agent
