// What the syslog sources have in common: option rows, and the decoders made from them.
#pragma once

#include "agent/component.h"
#include "agent/config.h"
#include "agent/net/net_options.h"
#include "agent/sources/syslog_event.h"
#include "agent/sources/syslog_keep_fields.h"

namespace spillway::agent {

inline constexpr OptionSpec kEventSizeOption{
    .name = "eventSize",
    .type = OptionType::kCount,
    .default_value = "2500",
    .help =
        "Longest line in bytes; with Flume's parser the rest of a longer one becomes another "
        "event, with parser = rfc it is thrown away.",
    .min = 10,
    .max = 67'108'864};
inline constexpr OptionSpec kKeepFieldsOption{
    .name = "keepFields",
    .default_value = "none",
    .help =
        "Header fields that stay in the body: none, all, or some of priority version timestamp "
        "hostname."};
inline constexpr OptionSpec kClientIpHeaderOption{
    .name = "clientIPHeader", .help = "Header that gets the client's address; empty: none."};
inline constexpr OptionSpec kClientHostnameHeaderOption{
    .name = "clientHostnameHeader",
    .help = "Header that gets the client's host name; empty: none. Asks the name server."};
inline constexpr OptionSpec kParserOption{
    .name = "parser",
    .type = OptionType::kEnum,
    .default_value = "flume",
    .help =
        "flume: events as Flume makes them. rfc: RFC 5424 with all its fields and RFC 3164, "
        "octet counting of RFC 6587 recognised (not in Flume).",
    .choices = "flume|rfc"};

inline PeerHeaderNames peer_headers_of(const Config& config) {
  return {.address = config.string("clientIPHeader"),
          .host_name = config.string("clientHostnameHeader"),
          .local_port = {}};
}

}  // namespace spillway::agent
