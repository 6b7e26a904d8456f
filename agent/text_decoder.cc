#include "agent/text_decoder.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "agent/text_encoding.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";   // U+FFFD
constexpr std::string_view kReplacementUtf16 = "\xFD\xFF";  // little endian
constexpr std::string_view kNewlineLe("\n\0", 2);
constexpr std::string_view kNewlineBe("\0\n", 2);

bool is_utf8(std::string_view charset) {
  return charset == "utf-8" || charset == "utf8";
}

// Java's names that iconv has under another one.
std::string iconv_name(std::string_view charset) {
  if (charset == "ascii") return "us-ascii";
  if (charset == "latin1" || charset == "iso8859_1") return "iso-8859-1";
  if (charset == "utf-16") return "utf-16be";
  return std::string(charset);
}

Result<void*> open_iconv(const std::string& to, const std::string& from) {
  void* const handle = ::iconv_open(to.c_str(), from.c_str());
  // NOLINTNEXTLINE: iconv says -1 for "no"
  if (handle == reinterpret_cast<void*>(-1)) {
    return Error{.code = Errc::kUnsupported,
                 .os_error = errno,
                 .what = "this host cannot convert the character set"};
  }
  return handle;
}

void append_code_point(std::uint32_t code, std::string& out) {
  const auto byte = [&out](std::uint32_t bits) { out += static_cast<char>(bits); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0U | code >> 6U);
  } else {
    if (code < 0x10000) {
      byte(0xE0U | code >> 12U);
    } else {
      byte(0xF0U | code >> 18U);
      byte(0x80U | (code >> 12U & 0x3FU));
    }
    byte(0x80U | (code >> 6U & 0x3FU));
  }
  byte(0x80U | (code & 0x3FU));
}

// iconv has checked the pairs.
void append_units(std::u16string_view units, std::string& out) {
  for (std::size_t at = 0; at < units.size(); ++at) {
    std::uint32_t code = units[at];
    if (code >= 0xD800 && code < 0xDC00 && at + 1 < units.size()) {
      code = 0x10000U + ((code & 0x3FFU) << 10U) + (units[++at] & 0x3FFU);
    }
    append_code_point(code, out);
  }
}

}  // namespace

DecodePolicy decode_policy_named(std::string_view name) {
  if (name == "replace") return DecodePolicy::kReplace;
  return name == "ignore" ? DecodePolicy::kIgnore : DecodePolicy::kFail;
}

void CloseIconv::operator()(void* handle) const {
  static_cast<void>(::iconv_close(handle));
}

Result<TextDecoder> TextDecoder::create(std::string_view charset, DecodePolicy policy) {
  if (is_utf8(charset)) return TextDecoder(policy, charset, nullptr);
  TRY_ASSIGN(void* const handle, open_iconv("utf-16le", iconv_name(charset)));
  return TextDecoder(policy, charset, handle);
}

std::size_t TextDecoder::find_newline(std::string_view bytes, std::size_t from) const {
  if (unit_bytes_ == 1) return bytes.find('\n', from);
  const std::string_view newline = is_little_endian_ ? kNewlineLe : kNewlineBe;
  for (std::size_t at = from & ~std::size_t{1}; at + 1 < bytes.size(); at += 2) {
    if (bytes.substr(at, 2) == newline) return at;
  }
  return std::string_view::npos;
}

Result<std::size_t> TextDecoder::decode(std::string_view bytes, std::size_t chars_max,
                                        std::string& out) {
  return handle_ ? decode_other(bytes, chars_max, out) : decode_utf8(bytes, chars_max, out);
}

Result<std::size_t> TextDecoder::decode_utf8(std::string_view bytes, std::size_t chars_max,
                                             std::string& out) const {
  std::size_t chars = 0;
  std::size_t at = 0;
  std::size_t copied = 0;  // everything before is in `out`
  while (at < bytes.size() && chars < chars_max) {
    if ((bytes[at] & '\x80') == 0) {
      ++at;
      ++chars;
      continue;
    }
    const Utf8Sequence sequence = utf8_sequence_at(bytes, at);
    const std::size_t units = sequence.bytes == 4 ? 2 : 1;
    if (chars + units > chars_max && chars > 0) break;  // not through the middle of a pair
    if (!sequence.is_valid) {
      out += bytes.substr(copied, at - copied);
      if (policy_ == DecodePolicy::kFail) {
        return Error{.code = Errc::kCorrupt, .what = "bytes are no text of the charset", .at = at};
      }
      if (policy_ == DecodePolicy::kReplace) out += kReplacement;
      copied = at + sequence.bytes;
    }
    at += sequence.bytes;
    chars += units;
  }
  out += bytes.substr(copied, at - copied);
  return at;
}

Result<std::size_t> TextDecoder::decode_other(std::string_view bytes, std::size_t chars_max,
                                              std::string& out) {
  ::iconv(handle_.get(), nullptr, nullptr, nullptr, nullptr);
  // A character takes a byte at least, so that no more units can come of them.
  units_.resize(std::min(chars_max, bytes.size() + 1) + 1);
  std::string input(bytes);  // iconv's interface is not const
  char* from = input.data();
  std::size_t from_left = input.size();
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): iconv counts bytes
  char* const begin = reinterpret_cast<char*>(units_.data());
  char* to = begin;
  std::size_t to_left = std::min(chars_max, units_.size()) * sizeof(char16_t);
  std::optional<Error> error;
  while (from_left > 0) {
    if (::iconv(handle_.get(), &from, &from_left, &to, &to_left) != SIZE_MAX) break;
    if (errno == E2BIG) break;
    if (policy_ == DecodePolicy::kFail) {
      error = Error{.code = Errc::kCorrupt,
                    .what = "bytes are no text of the charset",
                    .at = input.size() - from_left};
      break;
    }
    if (policy_ == DecodePolicy::kReplace) {
      if (to_left < sizeof(char16_t)) break;
      to = std::copy(kReplacementUtf16.begin(), kReplacementUtf16.end(), to);
      to_left -= kReplacementUtf16.size();
    }
    const std::size_t skipped = std::min(unit_bytes_, from_left);
    from += skipped;
    from_left -= skipped;
  }
  const auto count = static_cast<std::size_t>(to - begin) / sizeof(char16_t);
  append_units(std::u16string_view(units_).substr(0, count), out);
  if (error) return *error;
  return input.size() - from_left;
}

Result<TextEncoder> TextEncoder::create(std::string_view charset) {
  if (is_utf8(charset)) return TextEncoder({}, nullptr);
  TRY_ASSIGN(void* const handle, open_iconv(iconv_name(charset), "utf-8"));
  const bool is_utf16 = charset.starts_with("utf-16");
  const bool is_little_endian = charset.ends_with("le");
  return TextEncoder(!is_utf16          ? std::string_view("?")
                     : is_little_endian ? std::string_view("?\0", 2)
                                        : std::string_view("\0?", 2),
                     handle);
}

std::string_view TextEncoder::encode(std::string_view utf8) {
  if (!handle_) return utf8;
  encoded_.clear();
  std::string input(utf8);
  char* from = input.data();
  std::size_t from_left = input.size();
  std::array<char, 4096> piece{};
  while (from_left > 0) {
    char* to = piece.data();
    std::size_t to_left = piece.size();
    const std::size_t outcome = ::iconv(handle_.get(), &from, &from_left, &to, &to_left);
    encoded_.append(piece.data(), piece.size() - to_left);
    if (outcome != SIZE_MAX || errno == E2BIG) continue;
    encoded_ += replacement_;
    const std::size_t skipped = utf8_sequence_at({from, from_left}, 0).bytes;
    from += skipped;
    from_left -= skipped;
  }
  return encoded_;
}

}  // namespace spillway::agent
