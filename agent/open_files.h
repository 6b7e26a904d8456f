// The limit of open files: raised at the start, and compared with what the sources may need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/agent_config.h"

namespace spillway::agent {

/// What raise_open_files() can reach here.
std::uint64_t open_files_max();

/// Raises the soft limit to open_files_max() and logs both; returns what holds now.
std::uint64_t raise_open_files();

/// Why `limit` open files are too few for the connections that the sources of `agent` accept by
/// their options; nullopt when they are enough.
std::optional<std::string> too_few_open_files(const AgentConfig& agent, std::uint64_t limit);

}  // namespace spillway::agent
