#include "agent/java_replacement.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace spillway::agent {
namespace {

Error bad(const char* what, std::size_t at) {
  return {.code = Errc::kBadConfig, .what = what, .at = at};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Bytes of the character at `at`; a byte that is not UTF-8 is a character.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  std::size_t end = at + 1;
  while (end < text.size() && end < at + bytes &&
         (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
    ++end;
  }
  return end - at;
}

}  // namespace

Result<JavaReplacement> JavaReplacement::compile(std::string_view text, const Regex& regex) {
  std::vector<Piece> pieces(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      if (++at == text.size()) return bad("nothing behind the last backslash", at - 1);
      pieces.back().literal += text[at];
      continue;
    }
    if (text[at] != '$') {
      pieces.back().literal += text[at];
      continue;
    }
    const std::size_t dollar = at++;
    std::size_t group = 0;
    if (at < text.size() && text[at] == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) return bad("${ has no end", dollar);
      const auto named = regex.group_named(text.substr(at + 1, end - at - 1));
      if (!named) return bad("the pattern has no group of that name", dollar);
      group = *named;
      at = end;
    } else {
      if (at == text.size() || !is_digit(text[at])) return bad("$ without a group", dollar);
      group = static_cast<std::size_t>(text[at] - '0');
      if (group > regex.group_count())
        return bad("the pattern has no group of that number", dollar);
      while (at + 1 < text.size() && is_digit(text[at + 1])) {  // as many digits as name a group
        const std::size_t longer = group * 10 + static_cast<std::size_t>(text[at + 1] - '0');
        if (longer > regex.group_count()) break;
        group = longer;
        ++at;
      }
    }
    pieces.back().group = group;
    pieces.back().has_group = true;
    pieces.emplace_back();
  }
  return JavaReplacement(std::move(pieces));
}

bool JavaReplacement::replace_all(const Regex& regex, std::string_view text,
                                  std::string& out) const {
  std::size_t copied = 0;
  std::size_t from = 0;
  while (from <= text.size()) {
    Regex::Match match;
    const Regex::Found found = regex.find(text, from, match);
    if (found == Regex::Found::kGaveUp) return false;
    if (found == Regex::Found::kNone) break;
    out += text.substr(copied, match.begin() - copied);
    for (const Piece& piece : pieces_) {
      out += piece.literal;
      if (piece.has_group) out += match.group(piece.group).value_or(std::string_view{});
    }
    copied = match.end();
    from = match.end();
    if (match.begin() == match.end()) {  // an empty match: go on behind the next character
      if (from == text.size()) break;
      from += character_bytes(text, from);
    }
  }
  out += text.substr(copied);
  return true;
}

}  // namespace spillway::agent
