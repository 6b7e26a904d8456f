#include "agent/system_properties.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <map>
#include <string_view>

#include "agent/option_value.h"
#include "agent/tls_defaults.h"

namespace spillway::agent {
namespace {

using Definitions = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kLogger = "flume.root.logger";
constexpr std::string_view kMonitoringPrefix = "flume.monitoring.";
constexpr std::array<std::string_view, 3> kMonitoringNames{"type", "port", "bind"};
constexpr std::string_view kResolver = "propertiesImplementation";
constexpr std::string_view kEnvironmentResolver = "org.apache.flume.node.EnvVarResolverProperties";

struct LevelName {
  std::string_view name;
  LogLevel level;
};
constexpr std::array kLevels{
    LevelName{"trace", LogLevel::kDebug}, LevelName{"all", LogLevel::kDebug},
    LevelName{"debug", LogLevel::kDebug}, LevelName{"info", LogLevel::kInfo},
    LevelName{"warn", LogLevel::kWarn},   LevelName{"error", LogLevel::kError},
    LevelName{"fatal", LogLevel::kError}, LevelName{"off", LogLevel::kError},
};

Definitions parse_definitions(const std::vector<std::string>& definitions) {
  Definitions parsed;
  for (const std::string& definition : definitions) {
    const std::size_t equals = definition.find('=');
    const std::string value = equals == std::string::npos ? "" : definition.substr(equals + 1);
    parsed.insert_or_assign(definition.substr(0, equals), value);
  }
  return parsed;
}

/// "DEBUG,console": the appender is of no interest, logs go to standard error.
void read_logger(const std::string& value, SystemProperties& properties) {
  const std::string level = to_lower(value.substr(0, value.find(',')));
  for (const LevelName& known : kLevels) {
    if (known.name == level) properties.log_level = known.level;
  }
  if (properties.log_level) return;
  properties.problems.push_back(
      fmt::format("-D{}={}: the level is none of DEBUG, INFO, WARN, ERROR", kLogger, value));
}

void read_monitoring(const Definitions& definitions, SystemProperties& properties) {
  const auto value_of = [&definitions](std::string_view name) {
    const auto at = definitions.find(std::string(kMonitoringPrefix).append(name));
    return at == definitions.end() ? std::string{} : at->second;
  };
  const std::string type = to_lower(value_of("type"));
  if (type.empty()) return;
  if (type != "http" && type != "prometheus") {
    properties.problems.push_back(fmt::format(
        "-Dflume.monitoring.type={}: this build has http and prometheus", value_of("type")));
    return;
  }
  MonitoringSettings monitoring;
  monitoring.is_prometheus = type == "prometheus";
  if (!value_of("bind").empty()) monitoring.bind = value_of("bind");
  if (const std::string port = value_of("port"); !port.empty()) {
    const std::optional<std::uint64_t> number = parse_count(port);
    if (!number || *number > UINT16_MAX) {
      properties.problems.push_back(
          fmt::format("-Dflume.monitoring.port={}: not a port number (0 to 65535)", port));
      return;
    }
    monitoring.port = static_cast<std::uint16_t>(*number);
  }
  properties.monitoring = monitoring;
}

bool has_effect(std::string_view key) {
  if (key == kLogger || key == kResolver || is_tls_property(key)) return true;
  for (const std::string_view name : kMonitoringNames) {
    if (key == std::string(kMonitoringPrefix).append(name)) return true;
  }
  return false;
}

bool is_of_flume(std::string_view key) {
  return key.starts_with("flume.") || key.starts_with("org.apache.flume.") ||
         key.starts_with("java") || key.starts_with("log4j");
}

}  // namespace

SystemProperties read_system_properties(const std::vector<std::string>& definitions) {
  SystemProperties properties;
  const Definitions parsed = parse_definitions(definitions);
  for (const auto& [key, value] : parsed) {
    if (key == kLogger) read_logger(value, properties);
    if (key == kResolver) {
      properties.is_classic = value == kEnvironmentResolver;
      if (!properties.is_classic) {
        properties.problems.push_back(
            fmt::format("-D{}={}: only {} is known here", kResolver, value, kEnvironmentResolver));
      }
    }
    // Any other one may be meant for ${sys:…}.
    if (!has_effect(key) && is_of_flume(key)) {
      properties.notices.push_back(fmt::format("-D{} has no effect", key));
    }
  }
  read_monitoring(parsed, properties);
  properties.definitions = parsed;
  return properties;
}

}  // namespace spillway::agent
