// A MetricSink that remembers what a component published.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "wal/base/metrics.h"

namespace spillway::test {

struct RecordedMetrics final : MetricSink {
  /// What `component` publishes now.
  template <class Component>
  explicit RecordedMetrics(const Component& component) {
    component.collect(*this);
  }

  void counter(std::string_view name, std::string_view /*help*/, std::uint64_t value) override {
    counters[std::string(name)] = value;
  }
  void gauge(std::string_view name, std::string_view /*help*/, double value) override {
    gauges[std::string(name)] = value;
  }
  void histogram(std::string_view name, std::string_view /*help*/,
                 const Histogram& value) override {
    counters[std::string(name)] = value.count();
  }

  std::map<std::string, std::uint64_t> counters;
  std::map<std::string, double> gauges;
};

}  // namespace spillway::test
