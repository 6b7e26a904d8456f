// Sends UDP datagrams to a source on the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string_view>

#include "wal/base/check.h"
#include "wal/io/owned_fd.h"

namespace spillway::test {

class UdpClient {
 public:
  explicit UdpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    CHECK(fd_.is_open());
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(fd_.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) ==
          0);
  }

  bool send(std::string_view datagram) {
    return ::send(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(datagram.size());
  }

  [[nodiscard]] std::uint16_t local_port() const {
    ::sockaddr_in address{};
    socklen_t length = sizeof(address);
    CHECK(::getsockname(fd_.get(), reinterpret_cast<::sockaddr*>(&address), &length) == 0);
    return ntohs(address.sin_port);
  }

 private:
  io::OwnedFd fd_;
};

}  // namespace spillway::test
