// The encryption.* options of a file channel: Flume's keys, checked, and the keys they lead to.
//
// Flume's JCEKS key stores need Java to be read; PKCS12 is what its keytool turns them into.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config.h"
#include "wal/base/result.h"
#include "wal/key_ring.h"

namespace spillway::agent {

/// The value of encryption.activeKey that stores new events in plain text.
inline constexpr std::string_view kNoActiveKey = "none";

struct EncryptionConfig {
  enum class Provider : std::uint8_t { kNone, kRawFile, kPkcs12 };
  struct Key {
    std::string alias{};
    std::string file{};           // kRawFile
    std::string password_file{};  // kPkcs12
  };

  Provider provider = Provider::kNone;
  std::string active_key{};  // empty: new events are plain text
  std::string store_file{};  // kPkcs12
  std::string store_password_file{};
  std::vector<Key> keys{};
};

/// kBadConfig for options that contradict each other. Opens no files.
Result<EncryptionConfig> read_encryption(const Config& config);

/// Puts every secret key of the key store (kPkcs12) into `config.keys`, with the store's password.
/// False, and `problem` is set as by load_keys(), when the store cannot be read or has none.
bool name_stored_keys(EncryptionConfig& config, std::string& problem);

/// Reads the files. nullptr without a provider. On failure nullptr too, and `problem` is set: a
/// sentence without the full stop, without secrets.
std::shared_ptr<wal::KeyRing> load_keys(const EncryptionConfig& config, std::string& problem);

}  // namespace spillway::agent
