#include "wal/key_ring.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/block_cipher.h"

namespace spillway::wal {

MasterKey::MasterKey(std::string alias, ByteSpan secret)
    : alias_(std::move(alias)), size_(secret.size()), id_(make_key_id(secret)) {
  CHECK(is_master_key_size(secret.size()));
  std::copy(secret.begin(), secret.end(), secret_.begin());
}

MasterKey::MasterKey(MasterKey&& other) noexcept
    : alias_(std::move(other.alias_)), secret_(other.secret_), size_(other.size_), id_(other.id_) {
  wipe(other.secret_);
}

MasterKey::~MasterKey() {
  wipe(secret_);
}

Result<void> KeyRing::add(std::string alias, ByteSpan secret) {
  if (alias.empty() || alias.size() > kKeyAliasBytesMax) {
    return Error{.code = Errc::kBadConfig, .what = "the name of a key has 1 to 64 bytes"};
  }
  if (!is_master_key_size(secret.size())) {
    return Error{.code = Errc::kBadConfig,
                 .what = "a key has 32 bytes (16 or 24 in Flume's key stores)"};
  }
  if (find_alias(alias) != nullptr) {
    return Error{.code = Errc::kBadConfig, .what = "two keys have the same name"};
  }
  if (!is_block_cipher_available()) {
    return Error{.code = Errc::kUnsupported, .what = "OpenSSL offers no AES-256-GCM or no HKDF"};
  }
  keys_.emplace_back(std::move(alias), secret);
  return {};
}

Result<void> KeyRing::set_active(std::string_view alias) {
  const MasterKey* const key = find_alias(alias);
  if (key == nullptr) {
    return Error{.code = Errc::kNotFound, .what = "the active key is not among the keys"};
  }
  active_ = static_cast<std::size_t>(key - keys_.data());
  return {};
}

const MasterKey* KeyRing::active() const {
  return active_ == kNone ? nullptr : &keys_[active_];
}

const MasterKey* KeyRing::find(KeyId id) const {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [id](const MasterKey& key) { return key.id() == id; });
  return at == keys_.end() ? nullptr : &*at;
}

const MasterKey* KeyRing::find_alias(std::string_view alias) const {
  const auto at = std::find_if(keys_.begin(), keys_.end(),
                               [alias](const MasterKey& key) { return key.alias() == alias; });
  return at == keys_.end() ? nullptr : &*at;
}

}  // namespace spillway::wal
