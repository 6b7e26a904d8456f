#include "agent/event_dump.h"

#include <algorithm>
#include <string_view>

#include "agent/serializer.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kColumnsMin = 16;  // of Flume's hex dump

bool is_printable(char c) {
  return c >= ' ' && c <= '~';
}

void append_hex_dump(std::string_view bytes, std::string& out) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  out += ' ';
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
    out += ' ';
  }
  if (bytes.size() < kColumnsMin) out.append((kColumnsMin - bytes.size()) * 3, ' ');
  for (const char c : bytes) out += is_printable(c) ? c : '.';
}

}  // namespace

std::string dump_event(const channel::EventView& event, std::size_t bytes_max) {
  std::string out = "{ headers:";
  append_headers(event, out);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; }, ' ');
  out += " body:";
  const std::string_view shown = event.body().substr(0, bytes_max);
  if (!shown.empty()) append_hex_dump(shown, out);
  out += " }";
  return out;
}

}  // namespace spillway::agent
