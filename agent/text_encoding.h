// Character sets of text that arrives from outside: decoding to UTF-8, counting, cutting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spillway::agent {

enum class Encoding : std::uint8_t { kUtf8, kUsAscii, kIso88591 };

/// Names accepted for an option, as OptionSpec::choices.
inline constexpr std::string_view kEncodingChoices =
    "utf-8|utf8|us-ascii|ascii|iso-8859-1|iso8859_1|latin1";

/// Is `name` one of kEncodingChoices, in lower case?
bool is_encoding_name(std::string_view name);

/// `name` is one of kEncodingChoices, in lower case.
Encoding encoding_named(std::string_view name);

/// What is at one place of bytes that should be UTF-8.
struct Utf8Sequence {
  std::size_t bytes = 1;  // of the character, or of what becomes one replacement of U+FFFD
  bool is_valid = false;
};
Utf8Sequence utf8_sequence_at(std::string_view text, std::size_t at);
/// Is every byte below 0x80?
bool is_ascii(std::string_view bytes);

/// Is `bytes` valid UTF-8?
bool is_valid_utf8(std::string_view bytes);

/// Appends `bytes` as valid UTF-8; what does not decode becomes U+FFFD, as in Java.
void append_as_utf8(std::string_view bytes, Encoding encoding, std::string& out);

/// `bytes` where they are valid UTF-8; else as append_as_utf8() makes them, in `scratch`.
std::string_view as_utf8(std::string_view bytes, std::string& scratch);

/// Java's length of `bytes` once decoded: UTF-16 units, so that characters beyond U+FFFF count
/// twice. Exact for valid input; each stray byte counts once at most.
std::size_t count_chars(std::string_view bytes, Encoding encoding);

/// The longest prefix of at most `bytes_max` bytes that does not end inside a UTF-8 sequence; of
/// text that is not UTF-8, `bytes_max` bytes. `bytes_max` must be at least 4.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

}  // namespace spillway::agent
