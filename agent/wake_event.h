// WakeEvent: lets one thread interrupt another that waits in poll(2).
#pragma once

#include <poll.h>
#include <sys/eventfd.h>

#include <chrono>

#include "wal/base/check.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

/// Set once and for good. Thread-safe.
class WakeEvent {
 public:
  WakeEvent() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_.is_open()); }

  void set() { CHECK(::eventfd_write(fd_.get(), 1) == 0); }

  /// Readable once set; for a caller's own poll(2).
  [[nodiscard]] int descriptor() const { return fd_.get(); }

  /// Waits until set, at most `timeout`; is it set?
  [[nodiscard]] bool wait_for(std::chrono::milliseconds timeout) const {
    ::pollfd event{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&event, 1, static_cast<int>(timeout.count())) > 0;
  }
  [[nodiscard]] bool is_set() const { return wait_for(std::chrono::milliseconds(0)); }

 private:
  io::OwnedFd fd_;
};

}  // namespace spillway::agent
