#include "agent/net/tcp_listener.h"

#include <chrono>
#include <utility>

#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

TcpListener::TcpListener(asio::io_context& loop, std::string source_name, std::string host,
                         std::uint16_t port)
    : source_name_(std::move(source_name)),
      host_(std::move(host)),
      port_(port),
      acceptor_(loop),
      pause_(loop) {}

std::error_code TcpListener::bind_to(const tcp::endpoint& endpoint, bool is_any) {
  std::error_code error;
  std::error_code ignored;
  acceptor_.open(endpoint.protocol(), error);
  if (error) return error;
  acceptor_.set_option(tcp::acceptor::reuse_address(true), ignored);
  if (is_any && endpoint.protocol() == tcp::v6()) {
    acceptor_.set_option(asio::ip::v6_only(false), ignored);
  }
  acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
  if (error) acceptor_.close(ignored);
  return error;
}

Result<void> TcpListener::listen() {
  std::error_code error;
  if (host_.empty()) {
    error = bind_to(tcp::endpoint(tcp::v6(), port_), true);
    // A host without IPv6.
    if (error == asio::error::address_family_not_supported ||
        error == asio::error::operation_not_supported ||
        error == std::errc::address_not_available) {
      error = bind_to(tcp::endpoint(tcp::v4(), port_), true);
    }
  } else {
    const auto found = tcp::resolver(acceptor_.get_executor())
                           .resolve(host_, std::to_string(port_), tcp::resolver::passive, error);
    if (error || found.empty()) return network_error(error, "cannot resolve bind address");
    error = bind_to(found.begin()->endpoint(), false);
  }
  if (error) return network_error(error, "cannot listen on bind address and port");
  bound_port_ = acceptor_.local_endpoint(error).port();
  log_info("tcp.listening", "accepting connections",
           {{"source", source_name_}, {"bind", host_}, {"port", bound_port_}});
  return {};
}

void TcpListener::serve(Accept accept) {
  accept_ = std::move(accept);
  accept_next();
}

void TcpListener::accept_next() {
  acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
    if (!acceptor_.is_open() || error == asio::error::operation_aborted) return;
    if (!error) {
      accept_(std::move(socket));
      return accept_next();
    }
    log_warn("tcp.accept_failed", "cannot accept a connection; will try again",
             {{"source", source_name_}, {"error", network_error(error, "accept failed")}});
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](std::error_code stopped) {
      if (!stopped && acceptor_.is_open()) accept_next();
    });
  });
}

void TcpListener::close() {
  std::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

}  // namespace spillway::agent
