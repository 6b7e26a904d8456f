// ComponentStatus: what the supervisor knows about one component, for the status port.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace spillway::agent {

/// In start order; stopped in another one (Agent::stop).
enum class ComponentKind : std::uint8_t { kMonitor, kChannel, kSink, kSource };

enum class ComponentState : std::uint8_t {
  kWaiting,   // not tried yet, or a component it needs has not started
  kStarted,   // start() succeeded
  kRetrying,  // start() failed and will be tried again
  kStopped,
};

struct ComponentStatus {
  ComponentKind kind = ComponentKind::kChannel;
  std::string name = {};
  std::string type = {};
  ComponentState state = ComponentState::kWaiting;
  std::uint64_t start_failures = 0;
  std::string last_error = {};  // of start(); empty once it has succeeded
  std::int64_t started_ms = 0;  // wall time, 0 = not yet
  std::int64_t stopped_ms = 0;  // wall time, 0 = not yet
};

constexpr std::string_view kind_name(ComponentKind kind) {
  constexpr std::array<std::string_view, 4> kNames{"monitor", "channel", "sink", "source"};
  return kNames.at(static_cast<std::size_t>(kind));
}

constexpr std::string_view state_name(ComponentState state) {
  constexpr std::array<std::string_view, 4> kNames{"waiting", "started", "retrying", "stopped"};
  return kNames.at(static_cast<std::size_t>(state));
}

}  // namespace spillway::agent
