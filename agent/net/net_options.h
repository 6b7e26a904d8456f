// Option rows that several network sources have in common, and their values.
#pragma once

#include <cstddef>
#include <cstdint>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/text_encoding.h"

namespace spillway::agent {

inline constexpr std::string_view kNetworkIgnored =
    "accepted without effect: one event loop serves every connection";

inline constexpr OptionSpec kPortOption{
    .name = "port",
    .type = OptionType::kCount,
    .help = "Port to listen on; 0: the kernel chooses, see the log.",
    .is_required = true,
    .max = 65'535};
inline constexpr OptionSpec kHostOption{
    .name = "host", .help = "Host name or address to listen on; empty: every address."};
inline constexpr OptionSpec kBatchSizeOption{
    .name = "batchSize",
    .type = OptionType::kCount,
    .default_value = "100",
    .help = "Most events per transaction; Flume takes one.",
    .min = 1,
    .max = 1'000'000};
inline constexpr OptionSpec kMaxConnectionsOption{
    .name = "maxConnections",
    .type = OptionType::kCount,
    .default_value = "4000",
    .help = "Clients beyond this number are turned away (not in Flume).",
    .min = 1,
    .max = 1'000'000};
inline constexpr OptionSpec kIdleTimeoutOption{
    .name = "idleTimeout",
    .type = OptionType::kSeconds,
    .default_value = "0",
    .help =
        "A connection over which nothing passed for that long is ended; 0: never (not in "
        "Flume).",
    .max = 31'536'000};
inline constexpr OptionSpec kReceiveBufferOption{
    .name = "receiveBufferBytes",
    .type = OptionType::kBytes,
    .default_value = "4MiB",
    .help =
        "Size asked for the socket's buffer; 0: the system's default. Without a privilege the "
        "kernel grants at most net.core.rmem_max (not in Flume).",
    .max = 1'073'741'824};

inline std::size_t batch_size_of(const Config& config) {
  return config.count("batchSize");
}
inline std::uint16_t port_of(const Config& config) {
  return static_cast<std::uint16_t>(config.count("port"));
}

}  // namespace spillway::agent
