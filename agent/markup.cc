#include "agent/markup.h"

#include "agent/text_encoding.h"

namespace spillway::agent {

std::string as_markup(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '&':
        escaped += "&amp;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  if (is_valid_utf8(escaped)) return escaped;
  std::string repaired;
  append_as_utf8(escaped, Encoding::kUtf8, repaired);
  return repaired;
}

}  // namespace spillway::agent
