// TLS on the server side of a TCP connection: contexts made from key files, sessions on sockets.
//
// All OpenSSL code is in tls_session.cc. Sessions work on non-blocking sockets: they say what they
// wait for, and StreamServer's loop waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"

namespace spillway::agent {

/// One try to move bytes.
struct IoStep {
  enum class State : std::uint8_t { kMoved, kWantsRead, kWantsWrite, kEnd, kFailed };
  State state = State::kMoved;
  std::size_t bytes = 0;
};

struct TlsServerOptions {
  std::string key_store = {};  // PKCS12, or PEM with the key and its certificates
  std::string key_store_password = {};
  std::string trust_store = {};  // certificates that clients may be signed by; empty: the system's
  std::string trust_store_password = {};
  bool needs_client_certificate = false;
  std::vector<std::string> include_protocols = {};  // Java's names: TLSv1.2
  std::vector<std::string> exclude_protocols = {};
  std::vector<std::string> include_ciphers = {};  // IANA names as Java's, or OpenSSL's
  std::vector<std::string> exclude_ciphers = {};
};

/// The session of one connection; the socket outlives it. Not thread-safe.
class TlsSession {
 public:
  TlsSession() = default;
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  virtual ~TlsSession() = default;

  virtual IoStep read(std::span<char> into) = 0;
  virtual IoStep write(std::string_view bytes) = 0;

  /// Decrypted bytes are waiting: the socket may not become readable for them.
  [[nodiscard]] virtual bool has_pending() const = 0;

  /// Has the client proved itself and agreed on a cipher?
  [[nodiscard]] virtual bool is_established() const = 0;

  /// Tells the peer that nothing follows, if there is room.
  virtual void say_goodbye() = 0;
};

/// Can certificates be read from this file? kBadConfig says why not.
Result<void> check_trust_store(const std::string& path, const std::string& password);

/// Keys and rules of a listening port. Immutable; thread-safe.
class TlsContext {
 public:
  TlsContext() = default;
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  virtual ~TlsContext() = default;

  /// Reads the files. kBadConfig says what to change; a JKS file is refused with the keytool line.
  static Result<std::unique_ptr<TlsContext>> open(const TlsServerOptions& options);

  [[nodiscard]] virtual std::unique_ptr<TlsSession> session(int socket) const = 0;
};

}  // namespace spillway::agent
