#include "agent/demo/agent_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

namespace spillway::agent {

AgentProcess::~AgentProcess() {
  kill();
}

Result<void> AgentProcess::start(const std::filesystem::path& configuration,
                                 const std::filesystem::path& log, int status_port) {
  std::vector<std::string> words{"spillway",
                                 "agent",
                                 "-n",
                                 "demo",
                                 "-f",
                                 configuration.string(),
                                 "-Dflume.monitoring.type=http",
                                 "-Dflume.monitoring.port=" + std::to_string(status_port)};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  const int error =
      posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return {};
  pid_ = -1;
  return Error{.code = Errc::kIo, .os_error = error, .what = "cannot start the agent"};
}

void AgentProcess::kill() {
  if (pid_ == -1) return;
  ::kill(pid_, SIGKILL);
  static_cast<void>(wait_for_end());
}

int AgentProcess::stop() {
  if (pid_ == -1) return -1;
  ::kill(pid_, SIGTERM);
  return wait_for_end();
}

bool AgentProcess::is_running() {
  if (pid_ == -1) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) == 0) return true;
  pid_ = -1;
  return false;
}

int AgentProcess::wait_for_end() {
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, 0);
  pid_ = -1;
  return ended > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace spillway::agent
