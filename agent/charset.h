// Charset: bytes of one character set on their way to UTF-8, and back.
//
// The three common sets are done here (agent/text_encoding.h), the others by iconv(3).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/text_encoding.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Thread-safe; copies share what they convert with. What cannot be text becomes U+FFFD in UTF-8
/// and `?` in another set, as in Java.
class Charset {
 public:
  Charset(Encoding encoding = Encoding::kUtf8)  // NOLINT(google-explicit-constructor)
      : encoding_(encoding) {}

  /// `name` in any case is one of kCharsetChoices (agent/text_decoder.h), else kBadConfig.
  /// kUnsupported: this host cannot convert it.
  static Result<Charset> named(std::string_view name);

  /// Has a value for the sets whose characters can be counted piece by piece.
  [[nodiscard]] std::optional<Encoding> plain() const;

  /// Bytes of a newline: 1, or 2.
  [[nodiscard]] std::size_t newline_bytes() const;
  /// Where the first newline at or after `from` begins, or npos; `bytes` begins with a character.
  [[nodiscard]] std::size_t find_newline(std::string_view bytes, std::size_t from) const;

  /// Is all of `bytes` text of the set?
  [[nodiscard]] bool decodes(std::string_view bytes) const;
  void append_as_utf8(std::string_view bytes, std::string& out) const;
  /// `utf8` is valid.
  void append_encoded(std::string_view utf8, std::string& out) const;

 private:
  struct Converters;

  Encoding encoding_;
  std::shared_ptr<Converters> converters_;  // none: `encoding_` says what to do
};

}  // namespace spillway::agent
