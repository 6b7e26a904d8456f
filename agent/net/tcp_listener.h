// TcpListener: one listening port on an event loop; hands on each connection it accepts.
#pragma once

#include <asio.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "wal/base/result.h"

namespace spillway::agent {

/// `error` as ours; `what` is static.
inline Error network_error(const std::error_code& error, const char* what) {
  return {.code = Errc::kUnavailable, .os_error = error.value(), .what = what};
}

/// Lives on the loop's thread, except listen() before the loop runs.
class TcpListener {
 public:
  using Accept = std::function<void(asio::ip::tcp::socket)>;

  TcpListener(asio::io_context& loop, std::string source_name, std::string host,
              std::uint16_t port);

  /// An empty host is every address of both protocols. Port 0: the kernel chooses.
  Result<void> listen();

  /// Accepts until close(); pauses after a failure such as too many open files.
  void serve(Accept accept);

  void close();

  [[nodiscard]] bool is_listening() const { return acceptor_.is_open(); }
  [[nodiscard]] std::uint16_t asked_port() const { return port_; }
  [[nodiscard]] std::uint16_t bound_port() const { return bound_port_; }

 private:
  std::error_code bind_to(const asio::ip::tcp::endpoint& endpoint, bool is_any);
  void accept_next();

  const std::string source_name_;
  const std::string host_;
  const std::uint16_t port_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  Accept accept_;
  std::uint16_t bound_port_ = 0;
};

}  // namespace spillway::agent
