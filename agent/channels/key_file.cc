#include "agent/channels/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "wal/base/log.h"
#include "wal/block_cipher.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kKeyBytes = wal::kMasterKeyBytesMax;
constexpr std::size_t kHexDigits = 2 * kKeyBytes;
constexpr std::size_t kBase64Digits = 44;  // of which the last is padding

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kWhiteSpace) + 1);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_value(char c) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t at = kDigits.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// Digits of `bits` bits each; what is left over at the end must be zero.
std::optional<SecretBytes> decode(std::string_view digits, int bits, int (*value_of)(char)) {
  SecretBytes key(kKeyBytes);
  unsigned pending = 0;
  int pending_bits = 0;
  std::size_t done = 0;
  for (const char c : digits) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    pending = pending << static_cast<unsigned>(bits) | static_cast<unsigned>(value);
    pending_bits += bits;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    key.span()[done++] = static_cast<std::byte>(pending >> static_cast<unsigned>(pending_bits));
    pending &= (1U << static_cast<unsigned>(pending_bits)) - 1;
  }
  if (done != kKeyBytes || pending != 0) return std::nullopt;
  return key;
}

std::string os_problem(const std::string& path) {
  return fmt::format("{}: {}", path, std::strerror(errno));
}

}  // namespace

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  wal::wipe(bytes_);
  bytes_ = std::move(other.bytes_);
  return *this;
}

SecretBytes::~SecretBytes() {
  wal::wipe(bytes_);
}

void SecretBytes::cut(std::size_t bytes) {
  wal::wipe(MutableByteSpan(bytes_).subspan(bytes));
  bytes_.resize(bytes);
}

std::optional<SecretBytes> read_secret_file(const std::string& path, std::string& problem) {
  // A FIFO that nobody writes to must not hold up the start.
  const io::OwnedFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
    problem = os_problem(path);
    return std::nullopt;
  }
  if (!S_ISREG(info.st_mode) || static_cast<std::uint64_t>(info.st_size) > kSecretFileBytesMax) {
    problem = fmt::format("{}: not a file of at most 1 MiB", path);
    return std::nullopt;
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    log_warn("channel.key_file_readable", "a key or password file is open to others than its owner",
             {{"file", path}, {"mode", fmt::format("{:04o}", info.st_mode & 07777U)}});
  }
  SecretBytes bytes(static_cast<std::size_t>(info.st_size));
  std::size_t done = 0;
  while (done < bytes.span().size()) {
    const MutableByteSpan rest = bytes.span().subspan(done);
    const ssize_t got = ::read(file.get(), rest.data(), rest.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      problem = os_problem(path);
      return std::nullopt;
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.cut(done);
  return bytes;
}

std::optional<SecretBytes> parse_raw_key(ByteSpan text) {
  if (text.size() == kKeyBytes) {
    SecretBytes key(kKeyBytes);
    std::copy(text.begin(), text.end(), key.span().begin());
    return key;
  }
  const std::string_view digits = trimmed(as_text(text));
  if (digits.size() == kHexDigits) return decode(digits, 4, hex_value);
  const bool is_base64 = digits.size() == kBase64Digits && digits.back() == '=';
  if (is_base64) return decode(digits.substr(0, kBase64Digits - 1), 6, base64_value);
  return std::nullopt;
}

}  // namespace spillway::agent
