// UDP sockets as the kernel has them: opening, buffer, addresses.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/net/stream_decoder.h"
#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

/// Bound and non-blocking. An empty host is every address of both protocols.
Result<io::OwnedFd> open_udp_socket(const std::string& host, std::uint16_t port);

std::uint16_t bound_port(int socket);

/// Asks for `bytes` (0: leaves it) and returns what the kernel grants.
std::size_t set_receive_buffer(int socket, std::size_t bytes);

/// The sender of a datagram; its host name is its address.
Peer udp_peer(const ::sockaddr_storage& sender, std::uint16_t local_port);

/// Asks the resolver, which may take long; `otherwise` when it knows no name.
std::string look_up_name(const ::sockaddr_storage& sender, const std::string& otherwise);

}  // namespace spillway::agent
