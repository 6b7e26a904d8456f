// Option rows of the `http` source, and the options of its server.
#pragma once

#include <array>
#include <optional>

#include "agent/net/stream_options.h"

namespace spillway::agent {

inline constexpr std::string_view kNoJetty = "accepted without effect: there is no Jetty here";

inline constexpr auto kHttpOptions = with_tls(std::array{
    OptionSpec{
        .name = "bind", .default_value = "0.0.0.0", .help = "Host name or address to listen on."},
    kPortOption,
    OptionSpec{.name = "handler",
               .type = OptionType::kEnum,
               .default_value = "org.apache.flume.source.http.jsonhandler",
               .help = "json: an array of events in the body. blob: the body is one event. Flume's "
                       "class names work.",
               .choices = "org.apache.flume.source.http.jsonhandler|"
                          "org.apache.flume.source.http.blobhandler|json|blob"},
    OptionSpec{.name = "handler.mandatoryParameters",
               .help = "For blob: query parameters a request must have, separated by commas."},
    OptionSpec{.name = "enableSSL",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Old name of ssl."},
    OptionSpec{.name = "keystorePassword", .help = "Old name of keystore-password."},
    OptionSpec{.name = "excludeProtocols",
               .type = OptionType::kList,
               .help = "Old name of exclude-protocols."},
    kBatchSizeOption,
    kMaxConnectionsOption,
    OptionSpec{.name = "idleTimeout",
               .type = OptionType::kSeconds,
               .default_value = "30",
               .help = "A connection over which nothing passed for that long is ended; 0: never. "
                       "Jetty's 30 seconds (not in Flume).",
               .max = 31'536'000},
    OptionSpec{.name = "maxHeaderBytes",
               .type = OptionType::kBytes,
               .default_value = "8KiB",
               .help = "Longest request line with all header lines; 431 beyond (not in Flume).",
               .min = 256,
               .max = 65'536},
    OptionSpec{.name = "maxRequestBytes",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Longest body as sent; 413 beyond (not in Flume).",
               .min = 1,
               .max = 1'073'741'824},
    OptionSpec{.name = "maxDecompressedBytes",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Longest body once decompressed; 413 beyond (not in Flume, which takes no "
                       "compressed bodies).",
               .min = 1,
               .max = 1'073'741'824},
    OptionSpec{.name = "maxBufferedBytes",
               .type = OptionType::kBytes,
               .default_value = "256MiB",
               .help = "Most bytes of unfinished bodies of all clients; 503 beyond (not in Flume).",
               .min = 1,
               .max = 68'719'476'736},
    OptionSpec{.name = "QueuedThreadPool.*", .help = "Tunes Jetty.", .notice = kNoJetty},
    OptionSpec{.name = "HttpConfiguration.*", .help = "Tunes Jetty.", .notice = kNoJetty},
    OptionSpec{.name = "SslContextFactory.needClientAuth",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Jetty's name of needClientAuth; either asks for certificates."},
    OptionSpec{.name = "SslContextFactory.*", .help = "Tunes Jetty.", .notice = kNoJetty},
    OptionSpec{.name = "ServerConnector.*", .help = "Tunes Jetty.", .notice = kNoJetty},
});

/// The old names count where the new ones are not given; nullopt for plain text.
inline std::optional<TlsServerOptions> http_tls_options_of(const Config& config) {
  const bool is_on = config.is_given("ssl") ? config.boolean("ssl") : config.boolean("enableSSL");
  if (!is_on) return std::nullopt;
  TlsServerOptions options = tls_options_of(config);
  if (!config.is_given("keystore-password")) {
    options.key_store_password = config.string("keystorePassword");
  }
  if (!config.is_given("exclude-protocols")) {
    options.exclude_protocols = config.list("excludeProtocols");
  }
  if (config.boolean("SslContextFactory.needClientAuth")) options.needs_client_certificate = true;
  return options;
}

inline std::vector<std::string> examine_http_tls(const Config& config) {
  return examine_tls(http_tls_options_of(config));
}

inline StreamServerOptions http_server_options(const ComponentContext& context,
                                               const Config& config) {
  StreamServerOptions options =
      with_answers(stream_options_of(context, config, config.string("bind"), {port_of(config)}));
  options.tls = http_tls_options_of(config);
  return options;
}

}  // namespace spillway::agent
