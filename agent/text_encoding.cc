#include "agent/text_encoding.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_continuation(unsigned byte) {
  return (byte & 0xC0U) == 0x80U;
}

// Length that the first byte of a sequence announces; 0 for a byte that cannot start one.
std::size_t announced_bytes(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// Bounds of the second byte: excludes overlong forms, surrogates and what is above U+10FFFF
// (Unicode 15, table 3-7).
bool is_second_byte(unsigned lead, unsigned second) {
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  return second >= low && second <= high;
}

void append_repaired(std::string_view bytes, std::string& out) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Sequence sequence = utf8_sequence_at(bytes, at);
    out += sequence.is_valid ? bytes.substr(at, sequence.bytes) : kReplacement;
    at += sequence.bytes;
  }
}

}  // namespace

Utf8Sequence utf8_sequence_at(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  const std::size_t announced = announced_bytes(lead);
  if (announced == 0) return {.bytes = 1, .is_valid = false};
  for (std::size_t i = 1; i < announced; ++i) {
    if (at + i == text.size()) return {.bytes = i, .is_valid = false};
    const unsigned byte = byte_at(text, at + i);
    if (i == 1 ? !is_second_byte(lead, byte) : !is_continuation(byte)) {
      return {.bytes = i, .is_valid = false};
    }
  }
  return {.bytes = announced, .is_valid = true};
}

bool is_encoding_name(std::string_view name) {
  std::string_view choices = kEncodingChoices;
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find('|'), choices.size());
    if (choices.substr(0, end) == name) return true;
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return false;
}

Encoding encoding_named(std::string_view name) {
  if (name.starts_with("utf")) return Encoding::kUtf8;
  if (name.ends_with("ascii")) return Encoding::kUsAscii;
  return Encoding::kIso88591;
}

// Eight bytes at a time, and four of them independent of each other: this runs over every body.
bool is_ascii(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::uint64_t seen = 0;
  std::array<std::uint64_t, 4> words;
  for (; bytes.size() >= sizeof(words); bytes.remove_prefix(sizeof(words))) {
    std::memcpy(words.data(), bytes.data(), sizeof(words));
    seen |= (words[0] | words[1]) | (words[2] | words[3]);
  }
  for (; bytes.size() >= sizeof(seen); bytes.remove_prefix(sizeof(seen))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof(word));
    seen |= word;
  }
  for (const char c : bytes) seen |= static_cast<unsigned char>(c);
  return (seen & kHighBits) == 0;
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Sequence sequence = utf8_sequence_at(bytes, at);
    if (!sequence.is_valid) return false;
    at += sequence.bytes;
  }
  return true;
}

void append_as_utf8(std::string_view bytes, Encoding encoding, std::string& out) {
  if (is_ascii(bytes)) {
    out += bytes;
    return;
  }
  if (encoding == Encoding::kUtf8) return append_repaired(bytes, out);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else if (encoding == Encoding::kUsAscii) {
      out += kReplacement;
    } else {
      out += static_cast<char>(0xC0U | (byte >> 6U));
      out += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
}

std::string_view as_utf8(std::string_view bytes, std::string& scratch) {
  if (is_ascii(bytes) || is_valid_utf8(bytes)) return bytes;
  scratch.clear();
  append_as_utf8(bytes, Encoding::kUtf8, scratch);
  return scratch;
}

std::size_t count_chars(std::string_view bytes, Encoding encoding) {
  if (encoding != Encoding::kUtf8) return bytes.size();
  std::size_t chars = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_continuation(byte)) ++chars;
    if (byte >= 0xF0) ++chars;  // becomes a surrogate pair
  }
  return chars;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  CHECK(bytes_max >= 4);
  if (text.size() <= bytes_max) return text;
  // The cut is wrong only when it leaves a sequence that goes on behind it.
  for (std::size_t back = 1; back < 4; ++back) {
    const std::size_t lead = bytes_max - back;
    if (is_continuation(byte_at(text, lead))) continue;
    const bool is_cut_through = announced_bytes(byte_at(text, lead)) > back;
    return text.substr(0, is_cut_through ? lead : bytes_max);
  }
  return text.substr(0, bytes_max);
}

}  // namespace spillway::agent
