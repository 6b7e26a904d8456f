#include "agent/recover/given_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "agent/channels/key_file.h"

namespace spillway::agent::recover {
namespace {

struct NamedFile {
  std::string name;
  std::string file;
};

std::optional<NamedFile> split(const std::string& text) {
  const std::size_t at = text.find('=');
  if (at == 0 || at == std::string::npos) return std::nullopt;
  return NamedFile{.name = text.substr(0, at), .file = text.substr(at + 1)};
}

Refusal bad_usage(std::string reason) {
  return {.exit_code = kExitBadUsage, .reason = std::move(reason)};
}

std::optional<Refusal> add_raw(const NamedFile& key, wal::KeyRing& ring) {
  std::string problem;
  const auto bytes = read_secret_file(key.file, problem);
  if (!bytes) return Refusal{.reason = "--key " + problem};
  const auto secret = parse_raw_key(bytes->span());
  if (!secret) {
    return Refusal{.reason = fmt::format("--key {}: no key: 32 bytes, 64 hexadecimal digits or "
                                         "44 characters of base64",
                                         key.file)};
  }
  const auto added = ring.add(key.name, secret->span());
  if (added.has_value()) return std::nullopt;
  return Refusal{.reason =
                     fmt::format("--key {}={}: {}", key.name, key.file, to_string(added.error()))};
}

// What the command line says of the key store, as a configuration says it.
std::optional<Refusal> describe_store(const GivenKeys& given, EncryptionConfig& store) {
  store = {.provider = EncryptionConfig::Provider::kPkcs12,
           .store_file = given.store_file,
           .store_password_file = given.store_password_file};
  for (const std::string& key : given.keys) {
    if (key.empty() || split(key)) continue;
    store.keys.push_back({.alias = key, .password_file = given.store_password_file});
  }
  std::string problem;
  if (store.keys.empty() && !name_stored_keys(store, problem)) {
    return Refusal{.reason = "--key-store " + problem};
  }
  for (const std::string& text : given.password_files) {
    const auto password = split(text);
    if (!password) return bad_usage(fmt::format("--key-password-file {}: write name=file", text));
    const auto key = std::find_if(store.keys.begin(), store.keys.end(), [&](const auto& stored) {
      return stored.alias == password->name;
    });
    if (key == store.keys.end()) {
      return bad_usage(
          fmt::format("--key-password-file {}: this key is not taken from the key "
                      "store",
                      text));
    }
    key->password_file = password->file;
  }
  return std::nullopt;
}

std::optional<Refusal> add_stored(const GivenKeys& given, wal::KeyRing& ring) {
  EncryptionConfig store;
  if (auto refusal = describe_store(given, store)) return refusal;
  std::string problem;
  const auto stored = load_keys(store, problem);
  if (stored == nullptr) {
    return Refusal{.reason = fmt::format("--key-store {}; --key NAME takes single keys from it, "
                                         "--key-password-file NAME=FILE names a key's password",
                                         problem)};
  }
  for (const auto& key : store.keys) {
    const auto added = ring.add(key.alias, stored->find_alias(key.alias)->secret());
    if (!added.has_value()) {
      return Refusal{.reason = fmt::format("--key-store {}, key \"{}\": {}", given.store_file,
                                           key.alias, to_string(added.error()))};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> collect_keys(const ChannelDirs& dirs, const GivenKeys& given,
                                    std::shared_ptr<const wal::KeyRing>& keys) {
  std::string problem;
  std::shared_ptr<wal::KeyRing> ring = load_keys(dirs.encryption, problem);
  if (!problem.empty()) fmt::print(stderr, "note: no keys from the configuration: {}\n", problem);
  if (ring == nullptr) ring = std::make_shared<wal::KeyRing>();
  for (const std::string& text : given.keys) {
    const auto key = split(text);
    if (key) {
      if (auto refusal = add_raw(*key, *ring)) return refusal;
    } else if (text.empty() || text.front() == '=' || given.store_file.empty()) {
      return bad_usage(fmt::format(
          "--key {}: write name=file; a name alone is a key of the key store --key-store", text));
    }
  }
  if (!given.store_file.empty()) {
    if (auto refusal = add_stored(given, *ring)) return refusal;
  }
  keys = std::move(ring);
  return std::nullopt;
}

}  // namespace spillway::agent::recover
