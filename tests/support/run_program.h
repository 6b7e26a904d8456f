// Runs a program and collects what it said.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "wal/base/check.h"

namespace spillway::test {

struct RunResult {
  int exit_code = -1;  // -1: killed by a signal
  std::string out;
  std::string err;
  std::uint64_t memory_max_bytes = 0;  // peak resident set
};

/// `argv[0]` is the path. Standard input is empty; output goes through files, so that no amount of
/// it can block. `user_id`: run as that user; only for root.
inline RunResult run_program(const std::vector<std::string>& argv, uid_t user_id = 0) {
  const TempDir dir;
  const std::string out_path = dir.write("out", "");
  const std::string err_path = dir.write("err", "");
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out_path.c_str(), O_WRONLY), STDOUT_FILENO);
    ::dup2(::open(err_path.c_str(), O_WRONLY), STDERR_FILENO);
    if (user_id != 0 && (::setgid(user_id) != 0 || ::setuid(user_id) != 0)) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  rusage usage{};
  CHECK(::wait4(pid, &status, 0, &usage) == pid);
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = dir.read("out"),
          .err = dir.read("err"),
          .memory_max_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
}

}  // namespace spillway::test
