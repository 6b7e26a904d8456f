// A master key in a file of its own (keyProvider RAWFILE), and what every secret file has in
// common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wal/base/bytes.h"

namespace spillway::agent {

/// Wiped when it goes away. Never grows, so that no copy is left behind.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::size_t bytes) : bytes_(bytes) {}
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept = default;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes();

  [[nodiscard]] ByteSpan span() const { return bytes_; }
  [[nodiscard]] MutableByteSpan span() { return bytes_; }

  /// Keeps the first `bytes`; the rest is wiped.
  void cut(std::size_t bytes);

 private:
  std::vector<std::byte> bytes_;
};

/// Largest file that is taken for a key, a password or a key store.
inline constexpr std::size_t kSecretFileBytesMax = 1 * kMiB;

/// Reads a small file whole. Otherwise `problem` says why not, with the path. Warns (log id
/// channel.key_file_readable) when others than its owner may read it.
std::optional<SecretBytes> read_secret_file(const std::string& path, std::string& problem);

/// 32 bytes as they are, or as 64 hexadecimal digits or 44 characters of base64, these with white
/// space around them. nullopt for anything else.
std::optional<SecretBytes> parse_raw_key(ByteSpan text);

}  // namespace spillway::agent
