#include "agent/net/udp_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

namespace spillway::agent {
namespace {

struct FreeAddresses {
  void operator()(::addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<::addrinfo, FreeAddresses>;

Error failure(const char* what) {
  return {.code = Errc::kUnavailable, .os_error = errno, .what = what};
}

Result<io::OwnedFd> bind_to(const ::sockaddr* address, socklen_t length, bool is_any) {
  io::OwnedFd socket(
      ::socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
  if (!socket.is_open()) return failure("cannot create socket");
  const int off = 0;
  if (is_any && address->sa_family == AF_INET6) {
    static_cast<void>(::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)));
  }
  if (::bind(socket.get(), address, length) != 0) {
    return failure("cannot bind to address and port");
  }
  return socket;
}

Result<io::OwnedFd> open_on_every_address(std::uint16_t port) {
  ::sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  auto opened = bind_to(reinterpret_cast<const ::sockaddr*>(&six), sizeof(six), true);
  if (opened.has_value() || opened.error().os_error == EADDRINUSE) return opened;
  ::sockaddr_in four{};  // a host without IPv6
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  return bind_to(reinterpret_cast<const ::sockaddr*>(&four), sizeof(four), true);
}

}  // namespace

Result<io::OwnedFd> open_udp_socket(const std::string& host, std::uint16_t port) {
  if (host.empty()) return open_on_every_address(port);
  ::addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_PASSIVE;
  ::addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return Error{.code = Errc::kUnavailable, .what = "cannot resolve bind address"};
  }
  const Addresses addresses(found);
  return bind_to(addresses->ai_addr, addresses->ai_addrlen, false);
}

std::uint16_t bound_port(int socket) {
  ::sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getsockname(socket, reinterpret_cast<::sockaddr*>(&address), &length) != 0) return 0;
  return udp_peer(address, 0).port;
}

std::size_t set_receive_buffer(int socket, std::size_t bytes) {
  if (bytes > 0) {
    const int wanted = static_cast<int>(std::min<std::size_t>(bytes, INT_MAX / 2));
    // The first ignores the system's limit and needs a privilege.
    if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof(wanted)) != 0) {
      static_cast<void>(::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof(wanted)));
    }
  }
  int granted = 0;
  socklen_t length = sizeof(granted);
  static_cast<void>(::getsockopt(socket, SOL_SOCKET, SO_RCVBUF, &granted, &length));
  return static_cast<std::size_t>(granted);
}

Peer udp_peer(const ::sockaddr_storage& sender, std::uint16_t local_port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  Peer peer;
  peer.local_port = local_port;
  if (sender.ss_family == AF_INET) {
    const auto* four = reinterpret_cast<const ::sockaddr_in*>(&sender);
    ::inet_ntop(AF_INET, &four->sin_addr, text.data(), text.size());
    peer.port = ntohs(four->sin_port);
  } else if (sender.ss_family == AF_INET6) {
    const auto* six = reinterpret_cast<const ::sockaddr_in6*>(&sender);
    const bool is_mapped = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
    const void* address = is_mapped ? &six->sin6_addr.s6_addr[12] : &six->sin6_addr.s6_addr[0];
    ::inet_ntop(is_mapped ? AF_INET : AF_INET6, address, text.data(), text.size());
    peer.port = ntohs(six->sin6_port);
  }
  peer.address = text.data();
  peer.host_name = peer.address;
  return peer;
}

std::string look_up_name(const ::sockaddr_storage& sender, const std::string& otherwise) {
  std::array<char, NI_MAXHOST> name{};
  const socklen_t length =
      sender.ss_family == AF_INET ? sizeof(::sockaddr_in) : sizeof(::sockaddr_in6);
  const int failed = ::getnameinfo(reinterpret_cast<const ::sockaddr*>(&sender), length,
                                   name.data(), name.size(), nullptr, 0, NI_NAMEREQD);
  return failed == 0 ? std::string(name.data()) : otherwise;
}

}  // namespace spillway::agent
