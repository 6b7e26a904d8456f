#include "agent/channels/pkcs12_keys.h"

#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "agent/option_value.h"
#include "wal/key_ring.h"

namespace spillway::agent {
namespace {

struct Free {
  void operator()(PKCS12* store) const { PKCS12_free(store); }
  void operator()(X509_SIG* sealed) const { X509_SIG_free(sealed); }
  void operator()(PKCS8_PRIV_KEY_INFO* key) const { PKCS8_PRIV_KEY_INFO_free(key); }
  void operator()(STACK_OF(PKCS7) * parts) const { sk_PKCS7_pop_free(parts, PKCS7_free); }
  void operator()(STACK_OF(PKCS12_SAFEBAG) * bags) const {
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
  }
  void operator()(char* text) const { OPENSSL_free(text); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::uint32_t kJceksMagic = 0xCECECECE;  // the same in either byte order
constexpr std::uint32_t kJksMagic = 0xEDFEEDFE;    // FE ED FE ED

const unsigned char* raw(ByteSpan bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

int length_of(std::string_view text) {
  return static_cast<int>(std::min<std::size_t>(text.size(), std::numeric_limits<int>::max()));
}

// DER of an EncryptedPrivateKeyInfo inside the bag; empty for anything else.
ByteSpan sealed_key_of(const PKCS12_SAFEBAG* bag) {
  if (PKCS12_SAFEBAG_get_nid(bag) != NID_secretBag) return {};
  const ASN1_TYPE* const value = PKCS12_SAFEBAG_get0_bag_obj(bag);
  if (value == nullptr || value->type != V_ASN1_OCTET_STRING) return {};
  const ASN1_OCTET_STRING* const octets = value->value.octet_string;
  return std::as_bytes(std::span(ASN1_STRING_get0_data(octets),
                                 static_cast<std::size_t>(ASN1_STRING_length(octets))));
}

// A secret key in the store, not decrypted yet.
struct SealedKey {
  std::string name;
  std::vector<std::byte> bytes;  // DER of an EncryptedPrivateKeyInfo
};

class Store {
 public:
  Store(std::string_view password, std::string& problem) : password_(password), problem_(problem) {}

  // Those with a name.
  std::optional<std::vector<SealedKey>> keys(ByteSpan bytes) {
    const unsigned char* at = raw(bytes);
    const Owned<PKCS12> store(d2i_PKCS12(nullptr, &at, static_cast<long>(bytes.size())));
    if (store == nullptr) return refuse("it is no PKCS12 key store");
    if (PKCS12_mac_present(store.get()) == 1 &&
        PKCS12_verify_mac(store.get(), password_.data(), length_of(password_)) != 1) {
      return refuse("its password is wrong, or it is damaged");
    }
    std::vector<SealedKey> found;
    const Owned<STACK_OF(PKCS7)> parts(PKCS12_unpack_authsafes(store.get()));
    for (int i = 0; i < sk_PKCS7_num(parts.get()); ++i) {
      const Owned<STACK_OF(PKCS12_SAFEBAG)> bags = open(sk_PKCS7_value(parts.get(), i));
      for (int j = 0; j < sk_PKCS12_SAFEBAG_num(bags.get()); ++j) {
        const PKCS12_SAFEBAG* const bag = sk_PKCS12_SAFEBAG_value(bags.get(), j);
        const ByteSpan sealed = sealed_key_of(bag);
        // The function reads only, but its parameter is not const.
        const Owned<char> name(PKCS12_get_friendlyname(const_cast<PKCS12_SAFEBAG*>(bag)));
        if (sealed.empty() || name == nullptr) continue;
        found.push_back({.name = name.get(), .bytes = {sealed.begin(), sealed.end()}});
      }
    }
    return found;
  }

  std::optional<SecretBytes> open_key(const SealedKey& sealed, std::string_view password) {
    const unsigned char* at = raw(sealed.bytes);
    const Owned<X509_SIG> envelope(
        d2i_X509_SIG(nullptr, &at, static_cast<long>(sealed.bytes.size())));
    if (envelope == nullptr) return refuse(fmt::format("key \"{}\" is damaged", sealed.name));
    const Owned<PKCS8_PRIV_KEY_INFO> key(
        PKCS8_decrypt(envelope.get(), password.data(), length_of(password)));
    if (key == nullptr) {
      return refuse(
          fmt::format("the password of key \"{}\" is wrong, or its encryption is too old "
                      "for OpenSSL: import it again with a keytool of Java 17",
                      sealed.name));
    }
    const unsigned char* bytes = nullptr;
    int size = 0;
    if (PKCS8_pkey_get0(nullptr, &bytes, &size, nullptr, key.get()) != 1 || size < 0 ||
        !wal::is_master_key_size(static_cast<std::size_t>(size))) {
      return refuse(fmt::format("key \"{}\" is no AES key of 128, 192 or 256 bits", sealed.name));
    }
    SecretBytes secret(static_cast<std::size_t>(size));
    const auto from = std::as_bytes(std::span(bytes, static_cast<std::size_t>(size)));
    std::copy(from.begin(), from.end(), secret.span().begin());
    return secret;
  }

 private:
  std::nullopt_t refuse(std::string why) {
    problem_ = std::move(why);
    return std::nullopt;
  }

  [[nodiscard]] Owned<STACK_OF(PKCS12_SAFEBAG)> open(PKCS7* part) const {
    if (PKCS7_type_is_data(part)) {
      return Owned<STACK_OF(PKCS12_SAFEBAG)>(PKCS12_unpack_p7data(part));
    }
    if (!PKCS7_type_is_encrypted(part)) return nullptr;
    return Owned<STACK_OF(PKCS12_SAFEBAG)>(
        PKCS12_unpack_p7encdata(part, password_.data(), length_of(password_)));
  }

  const std::string_view password_;
  std::string& problem_;
};

bool is_java_store(ByteSpan store, std::string& problem) {
  if (store.size() < sizeof(std::uint32_t)) return false;
  const auto magic = load_le<std::uint32_t>(store.data());
  if (magic != kJceksMagic && magic != kJksMagic) return false;
  problem = fmt::format("it is a JKS or JCEKS key store; convert it: {}", kConvertJceks);
  return true;
}

// The queue belongs to the thread; nobody may find our failures in it.
struct ClearErrors {
  ClearErrors() = default;
  ClearErrors(const ClearErrors&) = delete;
  ClearErrors& operator=(const ClearErrors&) = delete;
  ~ClearErrors() { ERR_clear_error(); }
};

}  // namespace

std::optional<std::vector<std::string>> list_pkcs12_keys(ByteSpan store, std::string_view password,
                                                         std::string& problem) {
  if (is_java_store(store, problem)) return std::nullopt;
  const ClearErrors clear;
  const auto keys = Store(password, problem).keys(store);
  if (!keys) return std::nullopt;
  std::vector<std::string> names;
  for (const SealedKey& key : *keys) names.push_back(key.name);
  return names;
}

std::optional<SecretBytes> find_pkcs12_key(ByteSpan store, std::string_view alias,
                                           const Pkcs12Passwords& passwords, std::string& problem) {
  if (is_java_store(store, problem)) return std::nullopt;
  const ClearErrors clear;
  Store opened(passwords.store, problem);
  const auto keys = opened.keys(store);
  if (!keys) return std::nullopt;
  std::vector<std::string> names;
  for (const SealedKey& key : *keys) {
    if (to_lower(key.name) == to_lower(alias)) return opened.open_key(key, passwords.key);
    names.push_back(in_quotes(key.name));
  }
  problem =
      fmt::format("there is no secret key \"{}\" in it; it has {}", to_lower(alias),
                  names.empty() ? "no secret key" : fmt::format("{}", fmt::join(names, ", ")));
  return std::nullopt;
}

}  // namespace spillway::agent
