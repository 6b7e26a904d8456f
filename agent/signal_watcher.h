// SignalWatcher: signals as calls on an ordinary thread.
#pragma once

#include <signal.h>

#include <functional>
#include <thread>

#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

/// Blocks SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 for the constructing thread and all threads
/// it creates later, so construct it before any of them; ignores SIGPIPE for the process. Programs
/// started meanwhile inherit both: who starts one resets them. The destructor restores the former
/// state.
class SignalWatcher {
 public:
  SignalWatcher();
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

  /// Calls `on_signal` for each signal, from one thread, until stop(). Signals that arrived
  /// since construction count too. Once.
  Result<void> start(std::function<void(int)> on_signal);

  /// `on_signal` is not running any more and will not be called. Idempotent.
  void stop();

 private:
  void run(const std::function<void(int)>& on_signal);

  sigset_t watched_{};
  sigset_t former_mask_{};
  struct sigaction former_sigpipe_ = {};

  io::OwnedFd signals_;
  io::OwnedFd wake_;  // eventfd: readable once the thread is to end
  std::thread thread_;
};

}  // namespace spillway::agent
