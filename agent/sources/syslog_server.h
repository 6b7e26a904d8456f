// What the syslog sources have in common: the servers that they run on.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "agent/net/stream_options.h"
#include "agent/sources/syslog_options.h"

namespace spillway::agent {

/// Nothing is answered in this protocol: when the channels are full the clients are held back.
inline StreamServerOptions syslog_server_options(const ComponentContext& context,
                                                 const Config& config,
                                                 std::vector<std::uint16_t> ports) {
  StreamServerOptions options =
      stream_options_of(context, config, config.string("host"), std::move(ports));
  options.retries_refused = true;
  options.wants_host_names = !config.string("clientHostnameHeader").empty();
  return options;
}

}  // namespace spillway::agent
