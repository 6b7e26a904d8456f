// The master keys of a channel: which ones may be needed to read, and which one writes.
//
// Keys are named twice: by the alias an operator gave, for messages, and by an id made from the key
// itself, by which they are found. A wrong key under the right alias is therefore told from the
// right one before any byte is decrypted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/base/result.h"

namespace spillway::wal {

/// Made one-way from a master key; 0 stands for plain text. Tells nothing about a random key.
using KeyId = std::uint64_t;

inline constexpr std::size_t kMasterKeyBytesMax = 32;
inline constexpr std::size_t kKeyAliasBytesMax = 64;

/// AES-256 wants 32 bytes; Flume's key stores hold 16 or 24, too: these are as strong as they are
/// long.
constexpr bool is_master_key_size(std::size_t bytes) {
  return bytes == 16 || bytes == 24 || bytes == kMasterKeyBytesMax;
}

/// Overwritten with zeros when it goes away.
class MasterKey {
 public:
  /// `secret` has a size that is_master_key_size() accepts.
  MasterKey(std::string alias, ByteSpan secret);
  MasterKey(const MasterKey&) = delete;
  MasterKey& operator=(const MasterKey&) = delete;
  MasterKey(MasterKey&& other) noexcept;
  MasterKey& operator=(MasterKey&& other) = delete;
  ~MasterKey();

  [[nodiscard]] const std::string& alias() const { return alias_; }
  [[nodiscard]] KeyId id() const { return id_; }
  [[nodiscard]] ByteSpan secret() const { return ByteSpan(secret_).first(size_); }

 private:
  std::string alias_;
  std::array<std::byte, kMasterKeyBytesMax> secret_{};
  std::size_t size_;
  KeyId id_;
};

/// Immutable, and so thread-safe, once it is built.
class KeyRing {
 public:
  /// kBadConfig: the alias is empty, too long or taken, or the key has an unusable size.
  /// kUnsupported: OpenSSL of this process offers no AES-256-GCM or no HKDF.
  Result<void> add(std::string alias, ByteSpan secret);

  /// New segments are encrypted with this key. kNotFound: there is none with this alias.
  Result<void> set_active(std::string_view alias);

  /// nullptr: new segments are plain text.
  [[nodiscard]] const MasterKey* active() const;

  /// nullptr when there is no such key.
  [[nodiscard]] const MasterKey* find(KeyId id) const;
  [[nodiscard]] const MasterKey* find_alias(std::string_view alias) const;

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  std::vector<MasterKey> keys_;
  std::size_t active_ = kNone;
};

}  // namespace spillway::wal
