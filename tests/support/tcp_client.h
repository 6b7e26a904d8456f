// A blocking TCP client for talking to a source on the loopback interface.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "wal/base/check.h"
#include "wal/io/owned_fd.h"

namespace spillway::test {

/// Calls give up after 30 seconds and then return what they have.
class TcpClient {
 public:
  explicit TcpClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    CHECK(fd_.is_open());
    const ::timeval limit{.tv_sec = 30, .tv_usec = 0};
    CHECK(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
    CHECK(::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
    ::sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_connected_ =
        ::connect(fd_.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) == 0;
  }

  [[nodiscard]] bool is_connected() const { return is_connected_; }

  /// False when the peer no longer takes all of it.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// Sends until the peer has not taken anything for a moment; returns how much it took.
  std::size_t send_while_taken(std::string_view text) {
    std::size_t taken = 0;
    ::pollfd writable{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    while (taken < text.size() && ::poll(&writable, 1, 500) > 0) {
      const ssize_t sent =
          ::send(fd_.get(), text.data() + taken, text.size() - taken, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) break;
      taken += static_cast<std::size_t>(sent);
    }
    return taken;
  }

  /// No more input for the peer; its replies still arrive.
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

  /// Exactly `count` bytes, or fewer at the end of the stream.
  std::string receive(std::size_t count) {
    std::string text(count, '\0');
    std::size_t have = 0;
    while (have < count) {
      const ssize_t got = ::recv(fd_.get(), text.data() + have, count - have, 0);
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
  }

  /// Everything until the peer closes.
  std::string receive_all() {
    std::string text;
    while (true) {
      const std::string piece = receive(4096);
      text += piece;
      if (piece.size() < 4096) return text;
    }
  }

 private:
  io::OwnedFd fd_;
  bool is_connected_ = false;
};

}  // namespace spillway::test
