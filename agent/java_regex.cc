#include "agent/java_regex.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_in(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

std::optional<std::uint32_t> parse_hex(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    std::uint32_t digit = 0;
    if (is_digit(c)) {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value * 16 + digit;
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

/// Java's names that PCRE2 spells differently, in lower case: ASCII classes, and properties.
struct Spelling {
  std::string_view java;
  std::string_view pcre2;
};
constexpr std::array kAsciiClasses{
    Spelling{"Lower", "lower"}, Spelling{"Upper", "upper"}, Spelling{"ASCII", "ascii"},
    Spelling{"Alpha", "alpha"}, Spelling{"Digit", "digit"}, Spelling{"Alnum", "alnum"},
    Spelling{"Punct", "punct"}, Spelling{"Graph", "graph"}, Spelling{"Print", "print"},
    Spelling{"Blank", "blank"}, Spelling{"Cntrl", "cntrl"}, Spelling{"XDigit", "xdigit"},
    Spelling{"Space", "space"},
};
constexpr std::array kProperties{
    Spelling{"letter", "L"},      Spelling{"titlecase", "Lt"}, Spelling{"control", "Cc"},
    Spelling{"punctuation", "P"}, Spelling{"digit", "Nd"},
};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  Result<std::string> translate() {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (c == '\\') {
        TRY(escape());
      } else if (is_in_class_) {
        TRY(class_item(c));
      } else if (c == '[') {
        begin_class();
      } else if (c == '(') {
        TRY(group());
      } else {
        out_ += c;
        ++at_;
      }
    }
    if (is_in_class_) return bad("a character class has no end");
    return std::move(out_);
  }

 private:
  [[nodiscard]] Error bad(const char* what) const {
    return {.code = Errc::kBadConfig, .what = what, .at = at_};
  }
  [[nodiscard]] Error unsupported(const char* what) const {
    return {.code = Errc::kUnsupported, .what = what, .at = at_};
  }
  /// Byte `ahead` of the current one, or NUL.
  [[nodiscard]] char peek(std::size_t ahead) const {
    return at_ + ahead < pattern_.size() ? pattern_[at_ + ahead] : '\0';
  }
  void copy(std::size_t bytes) {
    out_ += pattern_.substr(at_, bytes);
    at_ = std::min(at_ + bytes, pattern_.size());
  }

  void begin_class() {
    is_in_class_ = true;
    before_ = Before::kNothing;
    copy(1);
    if (peek(0) == '^') copy(1);
    if (peek(0) == ']') {  // a first ] is a letter in both
      copy(1);
      pass_letter();
    }
  }

  // Of a class: what stands before the next item.
  enum class Before { kNothing, kLetter, kHyphen };

  void pass_letter() { before_ = before_ == Before::kHyphen ? Before::kNothing : Before::kLetter; }

  /// A hyphen that can be no range, as in [\w-.], is a letter in Java and an error in PCRE2.
  void hyphen() {
    if (before_ == Before::kLetter) {
      before_ = Before::kHyphen;
    } else {
      out_ += '\\';
      pass_letter();
    }
    copy(1);
  }

  Result<void> class_item(char c) {
    if (c == '[') return unsupported("a character class inside a character class");
    if (c == '&' && peek(1) == '&') return unsupported("an intersection of character classes");
    if (c == '-') {
      hyphen();
      return {};
    }
    if (c == ']') {
      is_in_class_ = false;
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {  // begins a character
      pass_letter();
    }
    copy(1);
    return {};
  }

  Result<void> group() {
    if (peek(1) == '*') return bad("nothing to repeat behind a parenthesis");
    if (peek(1) != '?') {
      ++groups_;
      copy(1);
      return {};
    }
    const char kind = peek(2);
    if (is_in(kind, ":=!>")) {
      copy(3);
      return {};
    }
    if (kind == '<' && is_in(peek(3), "=!")) {
      copy(4);
      return {};
    }
    if (kind == '<') {
      if (!is_letter(peek(3))) return bad("the name of a group begins with a letter");
      ++groups_;
      copy(3);
      return {};
    }
    return flags();
  }

  Result<void> flags() {
    std::string kept;
    std::size_t end = at_ + 2;
    for (; end < pattern_.size() && !is_in(pattern_[end], "):"); ++end) {
      const char flag = pattern_[end];
      if (is_in(flag, "ims-")) {
        kept += flag;
      } else if (flag == 'x') {
        kept += kept.find('-') == std::string::npos ? "xx" : "x";  // Java: in classes, too
      } else if (flag == 'd' || flag == 'U') {
        return unsupported("the flags (?d) and (?U)");
      } else if (flag != 'u') {  // folding is Unicode's anyway
        return bad("not a group or flag of Java");
      }
    }
    if (end == pattern_.size()) return bad("a group has no end");
    if (pattern_[end] == ':') {
      out_ += fmt::format("(?{}:", kept);
    } else {
      out_ += kept.empty() || kept == "-" ? "(?:)" : fmt::format("(?{})", kept);
    }
    at_ = end + 1;
    return {};
  }

  Result<void> escape() {
    const char c = peek(1);
    if (is_in(c, "dDwWsShHvVpP")) {
      before_ = Before::kNothing;
    } else {
      pass_letter();
    }
    if (c == 'Q') return quoted();
    if (c == 'u') return utf16();
    if (c == 'x') return hex();
    if (c == '0') return octal();
    if (c == 'p' || c == 'P') return property();
    if (is_in(c, "dDwWsShHvVtnrfae") || (!is_letter(c) && !is_digit(c) && c != '\0')) {
      copy(2);
      return {};
    }
    if (c == 'c' && peek(2) != '\0') {
      copy(3);
      return {};
    }
    if (is_in_class_) return bad("not an escape in a character class of Java");
    if (is_digit(c)) return back_reference();
    if (c == 'b' || c == 'B') {
      boundary(c == 'b');
      return {};
    }
    if (is_in(c, "AZzGRX") || (c == 'k' && peek(2) == '<')) {
      copy(2);
      return {};
    }
    return bad("not an escape of Java");
  }

  // Knows all letters in Java until 18, unlike \w.
  void boundary(bool is_at) {
    constexpr std::string_view kAt =
        "(?:(?<=[\\p{L}\\p{Nd}_])(?![\\p{L}\\p{Nd}_])|(?<![\\p{L}\\p{Nd}_])(?=[\\p{L}\\p{Nd}_]))";
    constexpr std::string_view kNotAt =
        "(?:(?<=[\\p{L}\\p{Nd}_])(?=[\\p{L}\\p{Nd}_])|(?<![\\p{L}\\p{Nd}_])(?![\\p{L}\\p{Nd}_]))";
    out_ += is_at ? kAt : kNotAt;
    at_ += 2;
  }

  Result<void> quoted() {
    const std::size_t end = pattern_.find("\\E", at_ + 2);
    copy(end == std::string_view::npos ? pattern_.size() - at_ : end + 2 - at_);
    return {};
  }

  Result<void> utf16() {
    auto unit = parse_hex(pattern_.substr(at_ + 2, 4));
    if (!unit || at_ + 6 > pattern_.size()) return bad("\\u without four hexadecimal digits");
    std::size_t bytes = 6;
    if (*unit >= 0xD800 && *unit < 0xE000) {
      const bool is_pair =
          *unit < 0xDC00 && at_ + 12 <= pattern_.size() && pattern_.substr(at_ + 6, 2) == "\\u";
      const auto low = is_pair ? parse_hex(pattern_.substr(at_ + 8, 4)) : std::nullopt;
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return bad("half of a surrogate pair");
      unit = 0x10000U + ((*unit - 0xD800U) << 10U) + (*low - 0xDC00U);
      bytes = 12;
    }
    out_ += fmt::format("\\x{{{:x}}}", *unit);
    at_ += bytes;
    return {};
  }

  Result<void> hex() {
    if (peek(2) == '{') {
      const std::size_t end = pattern_.find('}', at_);
      if (end == std::string_view::npos || end - at_ > 9 ||
          !parse_hex(pattern_.substr(at_ + 3, end - at_ - 3))) {
        return bad("\\x{ without hexadecimal digits and }");
      }
      copy(end + 1 - at_);
      return {};
    }
    if (at_ + 4 > pattern_.size() || !parse_hex(pattern_.substr(at_ + 2, 2))) {
      return bad("\\x without two hexadecimal digits");
    }
    copy(4);
    return {};
  }

  Result<void> octal() {
    std::size_t digits = 0;
    while (digits < 3 && peek(2 + digits) >= '0' && peek(2 + digits) <= '7') ++digits;
    if (digits == 3 && peek(2) > '3') digits = 2;
    if (digits == 0) return bad("\\0 without an octal digit");
    out_ += fmt::format("\\o{{{}}}", pattern_.substr(at_ + 2, digits));
    at_ += 2 + digits;
    return {};
  }

  Result<void> back_reference() {
    std::size_t number = static_cast<std::size_t>(peek(1) - '0');
    at_ += 2;
    while (is_digit(peek(0))) {
      const std::size_t longer = number * 10 + static_cast<std::size_t>(peek(0) - '0');
      if (longer > groups_) break;
      number = longer;
      ++at_;
    }
    out_ += fmt::format("\\g{{{}}}", number);
    return {};
  }

  Result<void> property() {
    const bool is_negated = peek(1) == 'P';
    std::string_view name;
    std::size_t bytes = 3;
    if (peek(2) == '{') {
      const std::size_t end = pattern_.find('}', at_);
      if (end == std::string_view::npos) return bad("\\p{ has no end");
      name = pattern_.substr(at_ + 3, end - at_ - 3);
      bytes = end + 1 - at_;
    } else {
      name = pattern_.substr(at_ + 2, 1);
    }
    if (name.empty()) return bad("\\p without a name");
    for (const Spelling& ascii : kAsciiClasses) {
      if (ascii.java != name) continue;
      const std::string item = fmt::format("[:{}{}:]", is_negated ? "^" : "", ascii.pcre2);
      out_ += is_in_class_ ? item : "[" + item + "]";
      at_ += bytes;
      return {};
    }
    TRY_ASSIGN(const std::string spelled, property_name(name));
    out_ += fmt::format("\\{}{{{}}}", is_negated ? 'P' : 'p', spelled);
    at_ += bytes;
    return {};
  }

  [[nodiscard]] Result<std::string> property_name(std::string_view name) const {
    if (name.starts_with("java") || name.starts_with("In")) {
      return unsupported("blocks of Unicode and Java's own character properties");
    }
    if (const std::size_t equals = name.find('='); equals != std::string_view::npos) {
      const std::string key = to_lower(name.substr(0, equals));
      const std::string value(name.substr(equals + 1));
      if (key == "gc" || key == "general_category") return value;
      if (key == "sc" || key == "script") return "sc:" + value;
      return unsupported("blocks of Unicode and Java's own character properties");
    }
    if (name.starts_with("Is") && name.size() > 2) {
      name.remove_prefix(2);
      const std::string lower = to_lower(name);
      for (const Spelling& property : kProperties) {
        if (property.java == lower) return std::string(property.pcre2);
      }
    }
    for (const char c : name) {
      if (!is_letter(c) && !is_digit(c) && c != '_' && c != '&') return bad("\\p with a bad name");
    }
    return std::string(name);
  }

  const std::string_view pattern_;
  std::string out_;
  std::size_t at_ = 0;
  std::size_t groups_ = 0;  // so far
  bool is_in_class_ = false;
  Before before_ = Before::kNothing;
};

}  // namespace

Result<std::string> translate_java_regex(std::string_view pattern) {
  return Translator(pattern).translate();
}

}  // namespace spillway::agent
