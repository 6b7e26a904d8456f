// TLS rows of a source, and the options made of them.
//
// Flume's names. The list of protocols is Java's; what a store is, is seen from its content, as
// Java's JKS type does.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/net/tls_session.h"

namespace spillway::agent {

inline constexpr std::array kTlsOptions{
    OptionSpec{.name = "ssl",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Speak TLS; needs a keystore."},
    OptionSpec{
        .name = "keystore",
        .type = OptionType::kPath,
        .help = "File with the private key and its certificates: PKCS12 or PEM. JKS is refused."},
    OptionSpec{.name = "keystore-password", .help = "Password of the keystore."},
    OptionSpec{.name = "keystore-type",
               .type = OptionType::kEnum,
               .default_value = "jks",
               .help = "Ignored: the content says whether it is PKCS12 or PEM.",
               .choices = "jks|pkcs12|pem"},
    OptionSpec{
        .name = "include-protocols",
        .type = OptionType::kList,
        .help = "Protocols to speak, of TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; empty: the last two."},
    OptionSpec{.name = "exclude-protocols",
               .type = OptionType::kList,
               .help = "Protocols not to speak; SSLv3 is never spoken."},
    OptionSpec{
        .name = "include-cipher-suites",
        .type = OptionType::kList,
        .help = "Cipher suites to use, by Java's or OpenSSL's names; empty: OpenSSL's choice."},
    OptionSpec{.name = "exclude-cipher-suites",
               .type = OptionType::kList,
               .help = "Cipher suites not to use."},
    OptionSpec{.name = "needClientAuth",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Only serve clients with a certificate of the truststore (not in Flume)."},
    OptionSpec{
        .name = "truststore",
        .type = OptionType::kPath,
        .help =
            "Certificates that sign clients', PKCS12 or PEM; empty: the system's (not in Flume)."},
    OptionSpec{.name = "truststore-password",
               .help = "Password of the truststore (not in Flume)."}};

/// The rows of a component, then those of TLS.
template <std::size_t Count>
constexpr auto with_tls(const std::array<OptionSpec, Count>& own) {
  std::array<OptionSpec, Count + kTlsOptions.size()> all{};
  std::copy(own.begin(), own.end(), all.begin());
  std::copy(kTlsOptions.begin(), kTlsOptions.end(), all.begin() + Count);
  return all;
}

inline TlsServerOptions tls_options_of(const Config& config) {
  return {.key_store = config.string("keystore"),
          .key_store_password = config.string("keystore-password"),
          .trust_store = config.string("truststore"),
          .trust_store_password = config.string("truststore-password"),
          .needs_client_certificate = config.boolean("needClientAuth"),
          .include_protocols = config.list("include-protocols"),
          .exclude_protocols = config.list("exclude-protocols"),
          .include_ciphers = config.list("include-cipher-suites"),
          .exclude_ciphers = config.list("exclude-cipher-suites")};
}

/// nullopt for plain text.
inline std::optional<TlsServerOptions> tls_of(const Config& config) {
  if (!config.boolean("ssl")) return std::nullopt;
  return tls_options_of(config);
}

/// What a start with these options would fail with, for SourceType::examine; nothing for nullopt.
inline std::vector<std::string> examine_tls(const std::optional<TlsServerOptions>& options) {
  if (!options) return {};
  const auto opened = TlsContext::open(*options);
  if (opened.has_value()) return {};
  return {to_string(opened.error())};
}
inline std::vector<std::string> examine_tls_of(const Config& config) {
  return examine_tls(tls_of(config));
}

}  // namespace spillway::agent
