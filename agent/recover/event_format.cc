#include "agent/recover/event_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "wal/base/utf8.h"

namespace spillway::agent::recover {
namespace {

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void append_escaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (length == 0 || static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

// `text` is UTF-8.
void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  out += '"';
}

// RFC 4648, with padding.
void append_base64(std::string_view bytes, std::string& out) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte = i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U;
      group = group << 8U | byte;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kDigits[group >> (18 - 6 * i) & 63U] : '=';
    }
  }
}

void append_json_base64(std::string_view bytes, std::string& out) {
  out += '"';
  append_base64(bytes, out);
  out += '"';
}

// An object holds text under unique keys; anything else is written as pairs.
bool fits_json_object(const channel::EventView& event) {
  std::set<std::string_view> keys;
  bool fits = true;
  event.for_each_header([&](const channel::HeaderView& header) {
    fits = fits && is_utf8(header.key) && is_utf8(header.value) && keys.insert(header.key).second;
  });
  return fits;
}

void append_json_headers(const channel::EventView& event, std::string& out) {
  const bool is_object = fits_json_object(event);
  out += is_object ? R"(,"headers":{)" : R"(,"headers_base64":[)";
  bool is_first = true;
  event.for_each_header([&](const channel::HeaderView& header) {
    if (!is_first) out += ',';
    is_first = false;
    if (is_object) {
      append_json_string(header.key, out);
      out += ':';
      append_json_string(header.value, out);
    } else {
      out += '[';
      append_json_base64(header.key, out);
      out += ',';
      append_json_base64(header.value, out);
      out += ']';
    }
  });
  out += is_object ? '}' : ']';
}

void append_json(wal::Sequence sequence, const channel::EventView& event, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"sequence":{})", sequence.value);
  append_json_headers(event, out);
  if (is_utf8(event.body())) {
    out += R"(,"body":)";
    append_json_string(event.body(), out);
  } else {
    out += R"(,"body_base64":)";
    append_json_base64(event.body(), out);
  }
  out += "}\n";
}

void append_text(wal::Sequence sequence, const channel::EventView& event, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{} {{", sequence.value);
  bool is_first = true;
  event.for_each_header([&](const channel::HeaderView& header) {
    if (!is_first) out += ", ";
    is_first = false;
    append_escaped(header.key, out);
    out += '=';
    append_escaped(header.value, out);
  });
  out += "} ";
  append_escaped(event.body(), out);
  out += '\n';
}

}  // namespace

void append_event(EventFormat format, wal::Sequence sequence, const channel::EventView& event,
                  std::string_view separator, std::string& out) {
  switch (format) {
    case EventFormat::kText:
      append_text(sequence, event, out);
      return;
    case EventFormat::kJson:
      append_json(sequence, event, out);
      return;
    case EventFormat::kRaw:
      out += event.body();
      out += separator;
      return;
  }
}

void append_undecodable(wal::Sequence sequence, ByteSpan bytes, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"sequence":{},"undecodable_base64":)",
                 sequence.value);
  append_json_base64(as_text(bytes), out);
  out += "}\n";
}

}  // namespace spillway::agent::recover
