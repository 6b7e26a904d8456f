// Secret keys in a PKCS12 key store, as Java's keytool writes them (keyProvider PKCS12).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/channels/key_file.h"
#include "wal/base/bytes.h"

namespace spillway::agent {

struct Pkcs12Passwords {
  std::string_view store;
  std::string_view key;  // Java's tools make it the same
};

/// The secret key that Java calls `alias` (in any case). Otherwise `problem` says why there is
/// none: a sentence without a full stop, without passwords in it.
std::optional<SecretBytes> find_pkcs12_key(ByteSpan store, std::string_view alias,
                                           const Pkcs12Passwords& passwords, std::string& problem);

/// What Java calls the secret keys of `store`, as they are written; nullopt and a `problem` when it
/// cannot be opened.
std::optional<std::vector<std::string>> list_pkcs12_keys(ByteSpan store, std::string_view password,
                                                         std::string& problem);

/// How to make a key store of Java's other formats readable.
inline constexpr const char* kConvertJceks =
    "keytool -importkeystore -srckeystore OLD -srcstoretype JCEKS -destkeystore NEW.p12 "
    "-deststoretype PKCS12";

}  // namespace spillway::agent
