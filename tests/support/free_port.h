// Ports of the loopback interface, chosen by the kernel: one in use, and one that was free.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "wal/base/check.h"
#include "wal/io/owned_fd.h"

namespace spillway::test {

/// Listens on 127.0.0.1 and answers nobody.
class OccupiedPort {
 public:
  OccupiedPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    CHECK(fd_.is_open());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    CHECK(::bind(fd_.get(), generic, size) == 0);
    CHECK(::listen(fd_.get(), 1) == 0);
    CHECK(::getsockname(fd_.get(), generic, &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  io::OwnedFd fd_;
  std::uint16_t port_ = 0;
};

/// Was free a moment ago; only for what cannot be told to let the kernel choose.
inline std::uint16_t free_port() {
  return OccupiedPort().port();
}

}  // namespace spillway::test
