// The agent under demonstration, as a process of its own that can be killed.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "wal/base/result.h"

namespace spillway::agent {

/// Not thread-safe. Kills what still runs when destroyed.
class AgentProcess {
 public:
  AgentProcess() = default;
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;
  ~AgentProcess();

  /// Runs this binary as `agent -n demo -f configuration`, its log appended to `log`.
  Result<void> start(const std::filesystem::path& configuration, const std::filesystem::path& log,
                     int status_port);

  /// SIGKILL, and waits for the end.
  void kill();

  /// SIGTERM, and waits for the end. Returns the exit code, or -1 when a signal ended it.
  int stop();

  [[nodiscard]] bool is_running();

 private:
  int wait_for_end();

  pid_t pid_ = -1;  // -1: none
};

}  // namespace spillway::agent
