// TextDecoder and TextEncoder: text in any character set of Java's that is common in log files.
//
// UTF-8 is done here, the rest by iconv(3). Errors: bytes that are no text of the set are refused,
// replaced or left out, as the policy says; where they are is in the error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// Java's names of the sets, as OptionSpec::choices. The ASCII ones keep \n a byte of its own.
inline constexpr std::string_view kCharsetChoices =
    "utf-8|utf8|us-ascii|ascii|iso-8859-1|iso8859_1|latin1|iso-8859-2|iso-8859-5|iso-8859-15|"
    "windows-1250|windows-1251|windows-1252|koi8-r|gbk|gb2312|gb18030|big5|shift_jis|euc-jp|"
    "euc-kr|utf-16|utf-16be|utf-16le";
inline constexpr std::string_view kAsciiCharsetChoices =
    kCharsetChoices.substr(0, kCharsetChoices.find("|utf-16"));

enum class DecodePolicy : std::uint8_t { kFail, kReplace, kIgnore };

/// `name` is fail, replace or ignore.
DecodePolicy decode_policy_named(std::string_view name);

struct CloseIconv {
  void operator()(void* handle) const;
};

/// Not thread-safe.
class TextDecoder {
 public:
  /// `charset` is one of kCharsetChoices; utf-16 means big endian here. kUnsupported: iconv does
  /// not know it on this host.
  static Result<TextDecoder> create(std::string_view charset, DecodePolicy policy);

  /// Bytes of a newline: 1, or 2.
  [[nodiscard]] std::size_t newline_bytes() const { return unit_bytes_; }

  /// Where the first newline at or after `from` begins (a multiple of newline_bytes()), or npos.
  [[nodiscard]] std::size_t find_newline(std::string_view bytes, std::size_t from) const;

  /// Appends text of at most `chars_max` of Java's characters (UTF-16 units) to `out` as UTF-8;
  /// returns how many bytes that took. `bytes` must end where a character ends. kCorrupt: what is
  /// at `at` is no text, and the policy is to fail; `out` holds what comes before.
  Result<std::size_t> decode(std::string_view bytes, std::size_t chars_max, std::string& out);

 private:
  TextDecoder(DecodePolicy policy, std::string_view charset, void* handle)
      : policy_(policy),
        unit_bytes_(charset.starts_with("utf-16") ? 2 : 1),
        is_little_endian_(charset.ends_with("le")),
        handle_(handle) {}

  Result<std::size_t> decode_utf8(std::string_view bytes, std::size_t chars_max,
                                  std::string& out) const;
  Result<std::size_t> decode_other(std::string_view bytes, std::size_t chars_max, std::string& out);

  DecodePolicy policy_;
  std::size_t unit_bytes_;
  bool is_little_endian_;
  std::unique_ptr<void, CloseIconv> handle_;  // nullptr for UTF-8
  std::u16string units_;                      // scratch
};

/// Not thread-safe.
class TextEncoder {
 public:
  static Result<TextEncoder> create(std::string_view charset);

  /// Turns UTF-8 into the set; what it lacks becomes a question mark, as in Java. The result is
  /// `utf8` itself or dies with the next call.
  std::string_view encode(std::string_view utf8);

 private:
  TextEncoder(std::string_view replacement, void* handle)
      : replacement_(replacement), handle_(handle) {}

  std::string_view replacement_;              // for what the set lacks
  std::unique_ptr<void, CloseIconv> handle_;  // nullptr for UTF-8
  std::string encoded_;                       // scratch
};

}  // namespace spillway::agent
