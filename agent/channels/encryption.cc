#include "agent/channels/encryption.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/channels/key_file.h"
#include "agent/channels/pkcs12_keys.h"
#include "agent/home_path.h"

namespace spillway::agent {
namespace {

using Provider = EncryptionConfig::Provider;

constexpr std::string_view kPrefix = "encryption.keyProvider.keys.";
constexpr std::string_view kFileSuffix = ".file";
constexpr std::string_view kPasswordSuffix = ".passwordFile";

Error refuse(const char* why) {
  return {.code = Errc::kBadConfig, .what = why};
}

Result<Provider> read_provider(const Config& config) {
  if (!config.is_given("encryption.keyProvider")) {
    return refuse("encryption.keyProvider is missing: RAWFILE or PKCS12");
  }
  const std::string& name = config.string("encryption.keyProvider");
  if (name == "rawfile") return Provider::kRawFile;
  if (name == "pkcs12") return Provider::kPkcs12;
  return refuse(
      "JCEKSFILE needs Java to be read; convert the key store and write encryption.keyProvider = "
      "PKCS12: keytool -importkeystore -srckeystore OLD -srcstoretype JCEKS -destkeystore NEW.p12 "
      "-deststoretype PKCS12");
}

Result<void> read_key_names(const Config& config, EncryptionConfig& encryption) {
  for (std::string& alias : config.list("encryption.keyProvider.keys")) {
    if (alias == kNoActiveKey) return refuse("no key can be called none");
    if (alias.size() > wal::kKeyAliasBytesMax) {
      return refuse("the name of a key has at most 64 bytes");
    }
    const bool is_known = std::any_of(encryption.keys.begin(), encryption.keys.end(),
                                      [&](const auto& key) { return key.alias == alias; });
    if (is_known) return refuse("encryption.keyProvider.keys names a key twice");
    encryption.keys.push_back({.alias = std::move(alias)});
  }
  if (encryption.keys.empty()) return refuse("encryption.keyProvider.keys names no key");
  if (!config.is_given("encryption.activeKey")) {
    return refuse(
        "encryption.activeKey is missing; write none to store new events in plain text and keep "
        "the keys for older ones");
  }
  const std::string& active = config.string("encryption.activeKey");
  if (active == kNoActiveKey) return {};
  const bool is_listed = std::any_of(encryption.keys.begin(), encryption.keys.end(),
                                     [&](const auto& key) { return key.alias == active; });
  if (!is_listed) {
    return refuse("encryption.activeKey is not among encryption.keyProvider.keys");
  }
  encryption.active_key = active;
  return {};
}

// keys.<alias>.file and keys.<alias>.passwordFile; an alias may have dots in it.
Result<void> read_key_options(const Config& config, EncryptionConfig& encryption) {
  for (const auto& [name, text] : config.below(kPrefix)) {
    const bool is_raw = encryption.provider == Provider::kRawFile;
    const std::string_view suffix = is_raw ? kFileSuffix : kPasswordSuffix;
    const auto at = std::find_if(encryption.keys.begin(), encryption.keys.end(),
                                 [&option = name, suffix](const auto& key) {
                                   return option == fmt::format("{}{}", key.alias, suffix);
                                 });
    if (at == encryption.keys.end()) {
      return refuse(is_raw ? "below encryption.keyProvider.keys only <name>.file of a listed key "
                             "is known with RAWFILE"
                           : "below encryption.keyProvider.keys only <name>.passwordFile of a "
                             "listed key is known with PKCS12");
    }
    TRY_ASSIGN((is_raw ? at->file : at->password_file), expand_home(text));
  }
  return {};
}

Result<void> read_store(const Config& config, EncryptionConfig& encryption) {
  const bool has_file = config.is_given("encryption.keyProvider.keyStoreFile");
  const bool has_password = config.is_given("encryption.keyProvider.keyStorePasswordFile");
  if (encryption.provider == Provider::kRawFile) {
    if (has_file || has_password) return refuse("a key store belongs to keyProvider PKCS12");
    for (const auto& key : encryption.keys) {
      if (key.file.empty()) return refuse("encryption.keyProvider.keys.<name>.file is missing");
    }
    return {};
  }
  if (!has_file) return refuse("encryption.keyProvider.keyStoreFile is missing");
  if (!has_password) return refuse("encryption.keyProvider.keyStorePasswordFile is missing");
  TRY_ASSIGN(encryption.store_file,
             expand_home(config.string("encryption.keyProvider.keyStoreFile")));
  TRY_ASSIGN(encryption.store_password_file,
             expand_home(config.string("encryption.keyProvider.keyStorePasswordFile")));
  for (auto& key : encryption.keys) {
    if (key.password_file.empty()) key.password_file = encryption.store_password_file;
  }
  return {};
}

// Passwords end before the end of the line, as Flume trims them.
std::string_view password_of(const SecretBytes& bytes) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  std::string_view text = as_text(bytes.span());
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);
}

std::optional<SecretBytes> read_raw(const EncryptionConfig::Key& key, std::string& problem) {
  const auto bytes = read_secret_file(key.file, problem);
  if (!bytes) return std::nullopt;
  auto secret = parse_raw_key(bytes->span());
  if (!secret) {
    problem = fmt::format("{}: no key: 32 bytes, 64 hexadecimal digits or 44 characters of base64",
                          key.file);
  }
  return secret;
}

std::optional<SecretBytes> read_stored(const EncryptionConfig& config,
                                       const EncryptionConfig::Key& key, std::string& problem) {
  const auto store = read_secret_file(config.store_file, problem);
  if (!store) return std::nullopt;
  const auto store_password = read_secret_file(config.store_password_file, problem);
  if (!store_password) return std::nullopt;
  const auto key_password = read_secret_file(key.password_file, problem);
  if (!key_password) return std::nullopt;
  const Pkcs12Passwords passwords{.store = password_of(*store_password),
                                  .key = password_of(*key_password)};
  auto secret = find_pkcs12_key(store->span(), key.alias, passwords, problem);
  if (!secret) problem = fmt::format("{}: {}", config.store_file, problem);
  return secret;
}

}  // namespace

Result<EncryptionConfig> read_encryption(const Config& config) {
  EncryptionConfig encryption;
  if (config.below("encryption.").empty()) return encryption;
  TRY_ASSIGN(encryption.provider, read_provider(config));
  TRY(read_key_names(config, encryption));
  TRY(read_key_options(config, encryption));
  TRY(read_store(config, encryption));
  return encryption;
}

bool name_stored_keys(EncryptionConfig& config, std::string& problem) {
  const auto store = read_secret_file(config.store_file, problem);
  if (!store) return false;
  const auto password = read_secret_file(config.store_password_file, problem);
  if (!password) return false;
  const auto names = list_pkcs12_keys(store->span(), password_of(*password), problem);
  if (names && names->empty()) problem = "it has no secret key";
  if (!names || names->empty()) {
    problem = fmt::format("{}: {}", config.store_file, problem);
    return false;
  }
  for (const std::string& name : *names) {
    config.keys.push_back({.alias = name, .password_file = config.store_password_file});
  }
  return true;
}

std::shared_ptr<wal::KeyRing> load_keys(const EncryptionConfig& config, std::string& problem) {
  problem.clear();
  if (config.provider == Provider::kNone) return nullptr;
  auto ring = std::make_shared<wal::KeyRing>();
  for (const EncryptionConfig::Key& key : config.keys) {
    const auto secret = config.provider == Provider::kRawFile ? read_raw(key, problem)
                                                              : read_stored(config, key, problem);
    if (!secret) return nullptr;
    const auto added = ring->add(key.alias, secret->span());
    if (!added.has_value()) {
      problem = fmt::format("key \"{}\": {}", key.alias, to_string(added.error()));
      return nullptr;
    }
  }
  // read_encryption() has seen that it is listed.
  if (!config.active_key.empty()) static_cast<void>(ring->set_active(config.active_key));
  return ring;
}

}  // namespace spillway::agent
