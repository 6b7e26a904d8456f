// ChildProcess: a program in a process group of its own, with pipes to its standard streams.
//
// Started with posix_spawn, never fork: a copy of our page tables would be slow, and unsafe while
// direct I/O is in flight. Standard input is a pipe that is never written and closes with us.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

enum class ChildStderr : std::uint8_t { kDiscard, kPipe };

/// One thread at a time. Destroying it kills the whole group and reaps the program.
class ChildProcess {
 public:
  /// `argv[0]` is looked up on PATH. Fails with the reason when the program cannot be started.
  static Result<ChildProcess> start(const std::vector<std::string>& argv, ChildStderr error_output);

  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  /// Read ends, non-blocking; error output is closed unless asked for.
  io::OwnedFd& output() { return output_; }
  io::OwnedFd& error_output() { return error_output_; }

  /// Sends `signal` to the program and everything it started that stayed in its group.
  void signal_group(int signal) const;

  /// Has the program ended? Then reaps it; what it left running in its group goes on.
  bool try_reap();

  /// How it ended: "exit 3" or "signal 15". Only after try_reap() returned true.
  [[nodiscard]] std::string outcome() const;

 private:
  ChildProcess() = default;

  ::pid_t pid_ = -1;  // -1 once reaped: then neither pid nor group is ours any more
  int wait_status_ = 0;
  io::OwnedFd input_;
  io::OwnedFd output_;
  io::OwnedFd error_output_;
};

}  // namespace spillway::agent
