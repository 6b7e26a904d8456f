// MetricFamilies: samples of many components, grouped as the Prometheus text format wants them.
//
// Source: Prometheus exposition formats, text format 0.0.4. Histograms are published as summaries.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wal/base/metrics.h"

namespace spillway::agent {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

/// Not thread-safe; one per scrape. Names are completed to valid ones; a sample that would make
/// the exposition invalid (same name and labels twice, or one name with two types) is left out.
class MetricFamilies {
 public:
  void add_counter(std::string_view name, std::string_view help, const MetricLabels& labels,
                   std::uint64_t value);
  /// For a counter of time; `name` ends in `_seconds_total`.
  void add_seconds_counter(std::string_view name, std::string_view help, const MetricLabels& labels,
                           double seconds);
  void add_gauge(std::string_view name, std::string_view help, const MetricLabels& labels,
                 double value);
  void add_summary(std::string_view name, std::string_view help, const MetricLabels& labels,
                   const Histogram& value);

  /// HELP, TYPE and samples of each family, sorted by name.
  [[nodiscard]] std::string text() const;

 private:
  struct Family {
    std::string help;
    std::string_view type;
    std::map<std::string, std::string> samples;  // label set -> lines
  };

  /// Where the lines of one sample go, or nullptr when it must be left out.
  std::string* sample(const std::string& name, std::string_view help, std::string_view type,
                      const MetricLabels& labels);

  std::map<std::string, Family> families_;
};

/// Adds what a component publishes under `<prefix><name>` with its labels. Durations and times in
/// `_ns` or `_ms` become Prometheus' base unit, `_seconds`.
class ComponentMetrics final : public MetricSink {
 public:
  /// Both outlive this object.
  ComponentMetrics(MetricFamilies& families, std::string prefix, MetricLabels labels);

  void counter(std::string_view name, std::string_view help, std::uint64_t value) override;
  void gauge(std::string_view name, std::string_view help, double value) override;
  void histogram(std::string_view name, std::string_view help, const Histogram& value) override;

 private:
  [[nodiscard]] std::string full_name(std::string_view name) const;

  MetricFamilies& families_;
  const std::string prefix_;
  const MetricLabels labels_;
};

}  // namespace spillway::agent
