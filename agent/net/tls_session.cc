#include "agent/net/tls_session.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

namespace spillway::agent {
namespace {

constexpr std::string_view kJksMagic = "\xFE\xED\xFE\xED";
constexpr std::string_view kPemMark = "-----BEGIN";
constexpr std::size_t kStoreBytesMax = 16 << 20;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(PKCS12* store) const { PKCS12_free(store); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(STACK_OF(X509) * certificates) const {
    sk_X509_pop_free(certificates, X509_free);
  }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// The queue of OpenSSL's errors belongs to the thread: a stale one would be read as the next one.
Error refuse(const char* what) {
  ERR_clear_error();
  return {.code = Errc::kBadConfig, .what = what};
}

Result<std::string> read_store(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error{.code = Errc::kBadConfig,
                 .os_error = errno,
                 .what = "cannot read the key store or trust store"};
  }
  std::string bytes(std::istreambuf_iterator<char>(file), {});
  if (bytes.size() > kStoreBytesMax) return refuse("the key store is larger than 16 MiB");
  if (bytes.starts_with(kJksMagic)) {
    return refuse(
        "this is a JKS store; convert it: keytool -importkeystore -srckeystore OLD.jks "
        "-destkeystore NEW.p12 -deststoretype PKCS12");
  }
  return bytes;
}

struct Store {
  Owned<EVP_PKEY> key;
  std::vector<Owned<X509>> certificates;  // the key's own first, if there is a key
};

Result<Store> parse_pkcs12(const std::string& bytes, const std::string& password) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  const Owned<PKCS12> parsed(d2i_PKCS12(nullptr, &at, static_cast<long>(bytes.size())));
  if (parsed == nullptr) return refuse("the store is neither PKCS12 nor PEM");
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  if (PKCS12_parse(parsed.get(), password.c_str(), &key, &own, &others) != 1) {
    return refuse("cannot open the PKCS12 store: wrong password, or encrypted in an outdated way");
  }
  Store store;
  store.key.reset(key);
  if (own != nullptr) store.certificates.emplace_back(own);
  const Owned<STACK_OF(X509)> rest(others);
  for (int i = 0; i < sk_X509_num(others); ++i) {
    X509* const certificate = sk_X509_value(others, i);
    X509_up_ref(certificate);
    store.certificates.emplace_back(certificate);
  }
  return store;
}

int give_password(char* to, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  const auto count = std::min(text.size(), static_cast<std::size_t>(size));
  std::copy_n(text.begin(), count, to);
  return static_cast<int>(count);
}

Result<Store> parse_pem(const std::string& bytes, std::string password) {
  Store store;
  const auto length = static_cast<int>(bytes.size());
  const Owned<BIO> keys(BIO_new_mem_buf(bytes.data(), length));
  store.key.reset(PEM_read_bio_PrivateKey(keys.get(), nullptr, give_password, &password));
  const Owned<BIO> certificates(BIO_new_mem_buf(bytes.data(), length));
  while (X509* const certificate =
             PEM_read_bio_X509(certificates.get(), nullptr, give_password, &password)) {
    store.certificates.emplace_back(certificate);
  }
  ERR_clear_error();
  return store;
}

Result<Store> open_store(const std::string& path, const std::string& password) {
  TRY_ASSIGN(const std::string bytes, read_store(path));
  if (bytes.find(kPemMark) != std::string::npos) return parse_pem(bytes, password);
  return parse_pkcs12(bytes, password);
}

Result<void> use_key(SSL_CTX* context, const Store& store) {
  if (store.key == nullptr || store.certificates.empty()) {
    return refuse("the key store needs a private key and its certificate");
  }
  if (SSL_CTX_use_certificate(context, store.certificates.front().get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, store.key.get()) != 1) {
    return refuse("the key store's first certificate is not that of its key");
  }
  for (std::size_t i = 1; i < store.certificates.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, store.certificates[i].get()) != 1) {
      return refuse("the key store's certificate chain cannot be used");
    }
  }
  return {};
}

Result<void> use_trust(SSL_CTX* context, const TlsServerOptions& options) {
  if (!options.needs_client_certificate) return {};
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  if (options.trust_store.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) == 1) return {};
    return refuse("the system's certificates cannot be read");
  }
  TRY_ASSIGN(const Store store, open_store(options.trust_store, options.trust_store_password));
  if (store.certificates.empty()) return refuse("the trust store holds no certificate");
  for (const Owned<X509>& certificate : store.certificates) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get());
    SSL_CTX_add_client_CA(context, certificate.get());
  }
  return {};
}

bool contains(const std::vector<std::string>& names, const char* name) {
  return name != nullptr && std::find(names.begin(), names.end(), name) != names.end();
}

Result<void> use_protocols(SSL_CTX* context, const TlsServerOptions& options) {
  struct Protocol {
    const char* name;
    std::uint64_t disabled;
  };
  // SSLv3 is never offered, as in Flume; 1.0 and 1.1 only where they are asked for.
  constexpr std::array<Protocol, 4> kProtocols{{{"TLSv1", SSL_OP_NO_TLSv1},
                                                {"TLSv1.1", SSL_OP_NO_TLSv1_1},
                                                {"TLSv1.2", SSL_OP_NO_TLSv1_2},
                                                {"TLSv1.3", SSL_OP_NO_TLSv1_3}}};
  SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_SSLv3);
  std::size_t left = 0;
  for (std::size_t i = 0; i < kProtocols.size(); ++i) {
    const Protocol& protocol = kProtocols[i];
    const bool is_named = contains(options.include_protocols, protocol.name);
    const bool is_default = options.include_protocols.empty() && i >= 2;
    if ((is_named || is_default) && !contains(options.exclude_protocols, protocol.name)) {
      ++left;
    } else {
      SSL_CTX_set_options(context, protocol.disabled);
    }
  }
  if (left == 0) return refuse("the include and exclude lists leave no protocol");
  return {};
}

Result<void> use_ciphers(SSL_CTX* context, const TlsServerOptions& options) {
  if (options.include_ciphers.empty() && options.exclude_ciphers.empty()) return {};
  std::string up_to_12;
  std::string from_13;
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    const auto is_in = [cipher](const std::vector<std::string>& names) {
      return contains(names, SSL_CIPHER_get_name(cipher)) ||
             contains(names, SSL_CIPHER_standard_name(cipher));
    };
    if (!options.include_ciphers.empty() && !is_in(options.include_ciphers)) continue;
    if (is_in(options.exclude_ciphers)) continue;
    const bool is_13 = std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3";
    std::string& list = is_13 ? from_13 : up_to_12;
    if (!list.empty()) list += ':';
    list += SSL_CIPHER_get_name(cipher);
  }
  if (up_to_12.empty() && from_13.empty()) {
    return refuse("the include and exclude lists leave no cipher suite");
  }
  SSL_CTX_set_ciphersuites(context, from_13.c_str());
  if (up_to_12.empty()) {
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  } else if (SSL_CTX_set_cipher_list(context, up_to_12.c_str()) != 1) {
    return refuse("the cipher suites cannot be used");
  }
  if (from_13.empty()) SSL_CTX_set_options(context, SSL_OP_NO_TLSv1_3);
  return {};
}

class OpenSslSession final : public TlsSession {
 public:
  explicit OpenSslSession(Owned<SSL> ssl) : ssl_(std::move(ssl)) {}

  IoStep read(std::span<char> into) override {
    std::size_t total = 0;
    while (total < into.size()) {
      std::size_t count = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &count);
      if (result != 1) return total > 0 ? IoStep{.bytes = total} : step_of(result);
      total += count;
    }
    return {.bytes = total};
  }

  IoStep write(std::string_view bytes) override {
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
    return result == 1 ? IoStep{.bytes = count} : step_of(result);
  }

  [[nodiscard]] bool has_pending() const override { return SSL_has_pending(ssl_.get()) == 1; }
  [[nodiscard]] bool is_established() const override { return SSL_is_init_finished(ssl_.get()); }

  void say_goodbye() override {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) && !has_failed_) SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

 private:
  IoStep step_of(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {.state = IoStep::State::kWantsRead};
      case SSL_ERROR_WANT_WRITE:
        return {.state = IoStep::State::kWantsWrite};
      case SSL_ERROR_ZERO_RETURN:
        return {.state = IoStep::State::kEnd};
      default:
        has_failed_ = true;
        ERR_clear_error();
        return {.state = IoStep::State::kFailed};
    }
  }

  const Owned<SSL> ssl_;
  bool has_failed_ = false;  // OpenSSL forbids a shutdown then
};

class OpenSslContext final : public TlsContext {
 public:
  explicit OpenSslContext(Owned<SSL_CTX> context) : context_(std::move(context)) {}

  [[nodiscard]] std::unique_ptr<TlsSession> session(int socket) const override {
    Owned<SSL> ssl(SSL_new(context_.get()));
    if (ssl == nullptr || SSL_set_fd(ssl.get(), socket) != 1) return nullptr;
    SSL_set_accept_state(ssl.get());
    return std::make_unique<OpenSslSession>(std::move(ssl));
  }

 private:
  const Owned<SSL_CTX> context_;
};

}  // namespace

Result<void> check_trust_store(const std::string& path, const std::string& password) {
  TRY_ASSIGN(const Store store, open_store(path, password));
  if (store.certificates.empty()) return refuse("the trust store holds no certificate");
  return {};
}

Result<std::unique_ptr<TlsContext>> TlsContext::open(const TlsServerOptions& options) {
  Owned<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return refuse("OpenSSL cannot make a context");
  if (options.key_store.empty()) return refuse("ssl = true needs a keystore");
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  // Clients of log sources only write: one that closes with a ticket unread resets the connection,
  // and what it had sent is lost on its way.
  SSL_CTX_set_num_tickets(context.get(), 0);
  TRY_ASSIGN(const Store store, open_store(options.key_store, options.key_store_password));
  TRY(use_key(context.get(), store));
  TRY(use_trust(context.get(), options));
  TRY(use_protocols(context.get(), options));
  TRY(use_ciphers(context.get(), options));
  return std::unique_ptr<TlsContext>(std::make_unique<OpenSslContext>(std::move(context)));
}

}  // namespace spillway::agent
