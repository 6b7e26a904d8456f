// MetricsRegistry: everything an agent publishes, in Flume's JSON and in Prometheus' text.
//
// docs/operations.md, "Metrics", lists the names. Reads counters while components work; a set of
// values is recent, not consistent.
#pragma once

#include <string>
#include <vector>

#include "agent/agent.h"
#include "agent/metric_families.h"
#include "agent/reload_log.h"
#include "wal/base/clock.h"

namespace spillway::agent {

/// Thread-safe; never waits for a component that starts, stops or blocks.
class MetricsRegistry {
 public:
  /// What is given outlives the registry.
  MetricsRegistry(const Agent& agent, const Clock& clock, const ReloadLog* reloads = nullptr);

  /// Flume's `/metrics`: one object per component that has started, all values strings.
  [[nodiscard]] std::string flume_json() const;

  [[nodiscard]] std::string prometheus_text() const;

  [[nodiscard]] const Agent& agent() const { return agent_; }
  /// nullptr where nothing is ever reloaded.
  [[nodiscard]] const ReloadLog* reloads() const { return reloads_; }

 private:
  const Agent& agent_;
  const Clock& clock_;
  const ReloadLog* const reloads_;
  const std::int64_t started_ms_;  // wall time of construction: the process, for all we publish
};

}  // namespace spillway::agent
