#include "agent/sources/unicode_text.h"

#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

// Code units of 2 or 4 bytes.
std::uint32_t unit_at(std::string_view bytes, std::size_t at, std::size_t width, bool is_little) {
  std::uint32_t unit = 0;
  for (std::size_t i = 0; i < width; ++i) {
    unit = unit << 8U | byte_at(bytes, at + (is_little ? width - 1 - i : i));
  }
  return unit;
}

void append_unit(std::uint32_t unit, std::size_t width, std::string& out) {
  for (std::size_t i = width; i-- > 0;) out += static_cast<char>(unit >> (8 * i) & 0xFFU);
}

// The code point of the valid sequence of `length` bytes at the front of `text`.
std::uint32_t point_of(std::string_view text, std::size_t length) {
  std::uint32_t point = length == 1 ? byte_at(text, 0) : byte_at(text, 0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) point = point << 6U | (byte_at(text, i) & 0x3FU);
  return point;
}

}  // namespace

std::optional<UnicodeForm> unicode_form_named(std::string_view name) {
  if (name.empty() || name == "utf-8") return UnicodeForm::kUtf8;
  if (name == "utf-16") return UnicodeForm::kUtf16;
  if (name == "utf-32") return UnicodeForm::kUtf32;
  return std::nullopt;
}

std::optional<std::string> to_utf8(std::string_view bytes, UnicodeForm form) {
  if (form == UnicodeForm::kUtf8) return std::string(bytes);
  const std::size_t width = form == UnicodeForm::kUtf16 ? 2 : 4;
  if (bytes.size() % width != 0) return std::nullopt;
  bool is_little = false;
  std::size_t at = 0;
  if (!bytes.empty()) {
    is_little = unit_at(bytes, 0, width, true) == 0xFEFF;
    if (is_little || unit_at(bytes, 0, width, false) == 0xFEFF) at = width;
  }
  std::string out;
  while (at < bytes.size()) {
    std::uint32_t point = unit_at(bytes, at, width, is_little);
    at += width;
    if (width == 2 && is_high_surrogate(point)) {
      if (at == bytes.size()) return std::nullopt;
      const std::uint32_t low = unit_at(bytes, at, width, is_little);
      if (!is_low_surrogate(low)) return std::nullopt;
      at += width;
      point = join_surrogates(point, low);
    } else if (point > 0x10FFFF || is_high_surrogate(point) || is_low_surrogate(point)) {
      return std::nullopt;
    }
    append_utf8(point, out);
  }
  return out;
}

std::string from_utf8(std::string_view text, UnicodeForm form) {
  if (form == UnicodeForm::kUtf8) return std::string(text);
  std::string out;
  if (form == UnicodeForm::kUtf16 && !text.empty()) append_unit(0xFEFF, 2, out);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) break;
    const std::uint32_t point = point_of(text, length);
    text.remove_prefix(length);
    if (form == UnicodeForm::kUtf32) {
      append_unit(point, 4, out);
    } else if (point < 0x10000) {
      append_unit(point, 2, out);
    } else {
      append_unit(0xD800 + ((point - 0x10000) >> 10U), 2, out);
      append_unit(0xDC00 + ((point - 0x10000) & 0x3FFU), 2, out);
    }
  }
  return out;
}

}  // namespace spillway::agent
