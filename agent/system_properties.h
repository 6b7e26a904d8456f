// Flume's -Dkey=value flags: the few that mean something here, turned into settings.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "wal/base/log.h"

namespace spillway::agent {

/// Where the metrics port is asked for, and in which format.
struct MonitoringSettings {
  std::string bind = "0.0.0.0";  // as Flume; flume.monitoring.bind narrows it
  std::uint16_t port = 41414;
  bool is_prometheus = false;
};

struct SystemProperties {
  std::optional<LogLevel> log_level;                            // flume.root.logger
  std::optional<MonitoringSettings> monitoring;                 // flume.monitoring.*
  std::map<std::string, std::string, std::less<>> definitions;  // all of them, for ${sys:…}
  bool is_classic = false;            // ${X} is of the environment: propertiesImplementation
  std::vector<std::string> notices;   // flags without effect
  std::vector<std::string> problems;  // flags that cannot be honoured
};

/// Each item is `key=value` or `key`; the last one of a key counts.
SystemProperties read_system_properties(const std::vector<std::string>& definitions);

}  // namespace spillway::agent
