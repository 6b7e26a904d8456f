// One HTTP request over a plain socket, so that tests do not trust the library they test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "wal/base/check.h"
#include "wal/io/owned_fd.h"

namespace spillway::test {

struct HttpAnswer {
  int status = 0;       // 0: no answer
  std::string headers;  // as received, status line included
  std::string body;
};

inline bool is_complete(const std::string& received) {
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const std::size_t length = received.find("Content-Length: ");
  if (length == std::string::npos || length > end) return false;
  return received.size() >= end + 4 + std::strtoul(received.c_str() + length + 16, nullptr, 10);
}

/// Sends `request` to 127.0.0.1:`port` and reads one answer.
inline HttpAnswer http_exchange(std::uint16_t port, std::string_view request) {
  const io::OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(fd.is_open());
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets API
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return {};
  }
  if (::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return {};
  std::string received;
  std::array<char, 4096> chunk{};
  while (!is_complete(received)) {
    const ssize_t got = ::recv(fd.get(), chunk.data(), chunk.size(), 0);
    if (got <= 0) break;
    received.append(chunk.data(), static_cast<std::size_t>(got));
  }
  HttpAnswer answer;
  const std::size_t end = received.find("\r\n\r\n");
  if (end == std::string::npos || received.size() < 12) return answer;
  answer.status = std::atoi(received.substr(9, 3).c_str());
  answer.headers = received.substr(0, end);
  answer.body = received.substr(end + 4);
  return answer;
}

inline HttpAnswer http_get(std::uint16_t port, const std::string& path,
                           const std::string& more_headers = "") {
  return http_exchange(port, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + more_headers +
                                 "Connection: close\r\n\r\n");
}

}  // namespace spillway::test
