// A part of a test in a process of its own, which may be killed or end in the middle.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wal/base/check.h"

namespace spillway::test {

/// Dies with the test. The test must have one thread when it makes one.
class ForkedProcess {
 public:
  /// `body()` returns the exit status.
  template <class Body>
  explicit ForkedProcess(Body body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    CHECK(pid_ >= 0);
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(::getppid() == parent ? body() : 1);
  }
  ForkedProcess(const ForkedProcess&) = delete;
  ForkedProcess& operator=(const ForkedProcess&) = delete;
  ~ForkedProcess() {
    kill();
    wait();
  }

  void kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
  }

  /// Its exit status; minus the signal that ended it.
  int wait() {
    if (pid_ <= 0) return status_;
    int status = 0;
    CHECK(::waitpid(pid_, &status, 0) == pid_);
    pid_ = -1;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return status_;
  }

 private:
  pid_t pid_ = -1;
  int status_ = 0;
};

}  // namespace spillway::test
