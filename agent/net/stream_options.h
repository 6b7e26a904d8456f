// The options of a StreamServer, from those of the source that runs on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/net/net_options.h"
#include "agent/net/stream_server.h"
#include "agent/net/tls_options.h"

namespace spillway::agent {

/// For a source with the rows of net_options.h and with_tls().
inline StreamServerOptions stream_options_of(const ComponentContext& context, const Config& config,
                                             const std::string& host,
                                             std::vector<std::uint16_t> ports) {
  return {.source_name = context.name,
          .host = host,
          .ports = std::move(ports),
          .batch_size = config.count("batchSize"),
          .connections_max = config.count("maxConnections"),
          .idle_timeout = std::chrono::milliseconds(config.millis("idleTimeout")),
          .tls = tls_of(config)};
}

/// For a source whose clients wait for an answer to each unit.
inline StreamServerOptions with_answers(StreamServerOptions options) {
  options.has_answers = true;
  return options;
}

}  // namespace spillway::agent
