// StatusServer: the agent's one HTTP port for people, probes and scrapers.
//
// GET `/`, `/metrics`, `/metrics/prometheus`, `/healthz`, `/readyz`; from this host, POST
// `/channels/NAME/spill`. No TLS and no authentication: bind it where only trusted hosts reach it.
// docs/operations.md, "Status port".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "agent/metrics_registry.h"
#include "wal/base/result.h"

namespace spillway::agent {

enum class MetricsFormat : std::uint8_t { kFlumeJson, kPrometheus };

struct StatusServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 41414;                        // 0: the kernel chooses
  MetricsFormat format = MetricsFormat::kFlumeJson;  // of /metrics when the client does not care
};

/// start() and stop() belong to one thread at a time; port() is thread-safe.
class StatusServer {
 public:
  /// `registry` and `agent` outlive the server. Without an agent nothing can be switched.
  StatusServer(const MetricsRegistry& registry, const StatusServerOptions& options,
               Agent* agent = nullptr);
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  /// kUnavailable when the address cannot be bound; may be called again.
  Result<void> start();

  /// No thread of the server runs any more. Idempotent.
  void stop();

  /// Where it listens; 0 while it does not.
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;  // keeps the HTTP library out of this header
  std::unique_ptr<Impl> impl_;
};

/// Does a client that sent this Accept header want Prometheus' text rather than JSON?
bool wants_prometheus(std::string_view accept);

}  // namespace spillway::agent
