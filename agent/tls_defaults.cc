#include "agent/tls_defaults.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/option_value.h"
#include "agent/secrets.h"
#include "agent/variables.h"

namespace spillway::agent {
namespace {

enum class Side : std::uint8_t { kServer, kClient, kBoth };

struct TlsDefault {
  std::string_view option;
  std::string_view old_option;  // of the http source
  std::string_view property;    // the environment has its word only where there is none
  std::string_view variable;
  Side side = Side::kBoth;  // servers have keys, clients trust
};

constexpr std::array kDefaults{
    TlsDefault{"keystore", "", "javax.net.ssl.keyStore", "FLUME_SSL_KEYSTORE_PATH", Side::kServer},
    TlsDefault{"keystore-password", "keystorePassword", "javax.net.ssl.keyStorePassword",
               "FLUME_SSL_KEYSTORE_PASSWORD", Side::kServer},
    TlsDefault{"keystore-type", "", "javax.net.ssl.keyStoreType", "FLUME_SSL_KEYSTORE_TYPE",
               Side::kServer},
    TlsDefault{"truststore", "", "javax.net.ssl.trustStore", "FLUME_SSL_TRUSTSTORE_PATH",
               Side::kClient},
    TlsDefault{"truststore-password", "", "javax.net.ssl.trustStorePassword",
               "FLUME_SSL_TRUSTSTORE_PASSWORD", Side::kClient},
    TlsDefault{"truststore-type", "", "javax.net.ssl.trustStoreType", "FLUME_SSL_TRUSTSTORE_TYPE",
               Side::kClient},
    TlsDefault{"include-protocols", "", "flume.ssl.include.protocols",
               "FLUME_SSL_INCLUDE_PROTOCOLS"},
    TlsDefault{"exclude-protocols", "excludeProtocols", "flume.ssl.exclude.protocols",
               "FLUME_SSL_EXCLUDE_PROTOCOLS"},
    TlsDefault{"include-cipher-suites", "", "flume.ssl.include.cipherSuites",
               "FLUME_SSL_INCLUDE_CIPHERSUITES"},
    TlsDefault{"exclude-cipher-suites", "", "flume.ssl.exclude.cipherSuites",
               "FLUME_SSL_EXCLUDE_CIPHERSUITES"},
};

std::optional<std::string> value_of(const TlsDefault& row, const VariableSources& sources) {
  std::optional<std::string> value;
  if (const auto at = sources.definitions.find(row.property); at != sources.definitions.end()) {
    value = at->second;
  } else if (sources.environment) {
    value = sources.environment(std::string(row.variable));
  }
  if (!value || value->empty()) return std::nullopt;
  const bool is_list = row.side == Side::kBoth;
  if (is_list) std::replace(value->begin(), value->end(), ',', ' ');
  return value;
}

/// `a1.sources.r1.` of `a1.sources.r1.ssl = true`, with its side; none for any other property.
struct Secured {
  std::string prefix;
  Side side = Side::kServer;
};
std::optional<Secured> secured_by(const Property& property) {
  const std::string_view key = property.key;
  const std::size_t dot = key.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view option = key.substr(dot + 1);
  const std::vector<std::string> words = split_words(property.value);
  const bool is_on = (option == "ssl" || option == "enableSSL") && words.size() == 1 &&
                     parse_bool(words.front()).value_or(false);
  if (!is_on || std::count(key.begin(), key.end(), '.') != 3) return std::nullopt;
  const std::string_view section = key.substr(key.find('.') + 1);
  if (section.starts_with("sources.")) return Secured{std::string(key.substr(0, dot + 1))};
  if (!section.starts_with("sinks.")) return std::nullopt;
  return Secured{std::string(key.substr(0, dot + 1)), Side::kClient};
}

}  // namespace

void add_tls_defaults(ConfigText& text, const VariableSources& sources) {
  std::vector<std::pair<const TlsDefault*, std::string>> given;
  for (const TlsDefault& row : kDefaults) {
    if (auto value = value_of(row, sources)) given.emplace_back(&row, std::move(*value));
  }
  if (given.empty()) return;
  std::set<std::string, std::less<>> keys = text.unknown_keys;
  for (const Property& property : text.properties) keys.insert(property.key);
  std::vector<Property> added;
  for (const Property& property : text.properties) {
    const std::optional<Secured> component = secured_by(property);
    if (!component) continue;
    for (const auto& [row, value] : given) {
      if (row->side != Side::kBoth && row->side != component->side) continue;
      const std::string old = component->prefix + std::string(row->old_option);
      if (!row->old_option.empty() && keys.contains(old)) continue;
      std::string key = component->prefix + std::string(row->option);
      if (!keys.insert(key).second) continue;
      if (is_secret_key(key)) add_secret(value, text.secrets);
      added.push_back({std::move(key), value, property.origin});
    }
  }
  text.properties.insert(text.properties.end(), added.begin(), added.end());
}

bool is_tls_property(std::string_view name) {
  return std::any_of(kDefaults.begin(), kDefaults.end(),
                     [name](const TlsDefault& row) { return row.property == name; });
}

}  // namespace spillway::agent
