#include "agent/signal_watcher.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/thread_name.h"
#include "wal/base/check.h"
#include "wal/io/os_error.h"

namespace spillway::agent {

SignalWatcher::SignalWatcher() {
  sigemptyset(&watched_);
  sigaddset(&watched_, SIGTERM);
  sigaddset(&watched_, SIGINT);
  sigaddset(&watched_, SIGHUP);
  sigaddset(&watched_, SIGUSR1);
  sigaddset(&watched_, SIGUSR2);
  CHECK(pthread_sigmask(SIG_BLOCK, &watched_, &former_mask_) == 0);
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  CHECK(sigaction(SIGPIPE, &ignore, &former_sigpipe_) == 0);
}

SignalWatcher::~SignalWatcher() {
  stop();
  CHECK(sigaction(SIGPIPE, &former_sigpipe_, nullptr) == 0);
  CHECK(pthread_sigmask(SIG_SETMASK, &former_mask_, nullptr) == 0);
}

Result<void> SignalWatcher::start(std::function<void(int)> on_signal) {
  CHECK(!thread_.joinable());
  signals_ = io::OwnedFd(signalfd(-1, &watched_, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.is_open()) return io::os_error(errno, "cannot open a signal descriptor");
  wake_ = io::OwnedFd(eventfd(0, EFD_CLOEXEC));
  if (!wake_.is_open()) return io::os_error(errno, "cannot open an event descriptor");
  thread_ = std::thread([this, on_signal = std::move(on_signal)] { run(on_signal); });
  return {};
}

void SignalWatcher::stop() {
  if (!thread_.joinable()) return;
  CHECK(eventfd_write(wake_.get(), 1) == 0);
  thread_.join();
}

void SignalWatcher::run(const std::function<void(int)>& on_signal) {
  name_this_thread("signals", "");
  std::array<pollfd, 2> watched{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                                pollfd{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;  // EINTR, or short of memory
    if (watched[1].revents != 0) return;
    signalfd_siginfo info{};
    if (read(signals_.get(), &info, sizeof(info)) == ssize_t{sizeof(info)}) {
      on_signal(static_cast<int>(info.ssi_signo));
    }
  }
}

}  // namespace spillway::agent
