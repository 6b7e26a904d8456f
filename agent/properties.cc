#include "agent/properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kEscapeLetters = "tnrf";
constexpr std::string_view kEscapeMeanings = "\t\n\r\f";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\f';
}

bool is_comment(std::string_view line) {
  return line.starts_with('#') || line.starts_with('!');
}

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

/// Does `text` end in an odd number of backslashes? Then the last one joins the next line.
bool is_continued(std::string_view text) {
  const std::size_t last_other = text.find_last_not_of('\\');
  const std::size_t count =
      last_other == std::string_view::npos ? text.size() : text.size() - last_other - 1;
  return count % 2 == 1;
}

/// A natural line ends at LF, CR or CR LF; the line after the last terminator may be missing one.
class LineSplitter {
 public:
  explicit LineSplitter(std::string_view text) : rest_(text) {}

  bool next() {
    if (rest_.empty()) return false;
    const std::size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
    line_ = rest_.substr(0, end);
    const bool is_crlf = rest_.substr(end, 2) == "\r\n";
    rest_.remove_prefix(std::min(end + (is_crlf ? 2 : 1), rest_.size()));
    ++number_;
    return true;
  }

  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] std::uint32_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::string_view line_;
  std::uint32_t number_ = 0;
};

/// Natural lines joined; remembers where each began, so that a problem has the exact line.
struct LogicalLine {
  std::string text;
  std::vector<std::pair<std::size_t, std::uint32_t>> starts;  // offset in text, line number

  void join(std::string_view piece, std::uint32_t number) {
    if (starts.empty() || !piece.empty()) starts.emplace_back(text.size(), number);
    text += piece;
  }

  [[nodiscard]] std::uint32_t line_at(std::size_t offset) const {
    std::uint32_t number = starts.front().second;
    for (const auto& [start, line] : starts) {
      if (start <= offset) number = line;
    }
    return number;
  }
};

/// Why a key or value cannot be read, and where in the logical line.
struct Refusal {
  std::size_t offset = 0;
  std::string reason;
};

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The four hex digits of a \u escape at `offset`, inside `text`.
std::optional<std::uint32_t> hex_unit(std::string_view text, std::size_t offset) {
  if (offset > text.size() || text.size() - offset < 4) return std::nullopt;
  std::uint32_t unit = 0;
  for (const char c : text.substr(offset, 4)) {
    const std::size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    unit = unit << 4U | static_cast<std::uint32_t>(digit % 16);
  }
  return unit;
}

/// Turns the escapes of one key or value into UTF-8.
class Unescaper {
 public:
  explicit Unescaper(std::string_view text) : text_(text) {}

  /// `span` lies in the text. nullopt means refusal() says why.
  std::optional<std::string> run(Span span) {
    at_ = span.begin;
    end_ = span.end;
    out_.clear();
    while (at_ < end_) {
      if (!step()) return std::nullopt;
    }
    return std::move(out_);
  }

  [[nodiscard]] const Refusal& refusal() const { return refusal_; }

 private:
  bool step() {
    const char c = text_[at_];
    if (c == '\\' && at_ + 1 < end_) return escape();
    if (c == '\0') return refuse("contains a NUL byte");
    if (static_cast<unsigned char>(c) < 0x80) {
      out_ += c;
      ++at_;
      return true;
    }
    const std::size_t length = utf8_length(text_.substr(at_, end_ - at_));
    if (length == 0) {
      append_utf8(static_cast<unsigned char>(c), out_);  // ISO-8859-1 is the first 256 of Unicode
      ++at_;
    } else {
      out_ += text_.substr(at_, length);
      at_ += length;
    }
    return true;
  }

  bool escape() {
    const char c = text_[at_ + 1];
    if (c == 'u') return unicode_escape();
    if (const std::size_t which = kEscapeLetters.find(c); which != std::string_view::npos) {
      out_ += kEscapeMeanings[which];
      at_ += 2;
      return true;
    }
    ++at_;  // the backslash is dropped, what follows stands for itself
    if (static_cast<unsigned char>(c) >= 0x80 || c == '\0') return step();
    out_ += c;
    ++at_;
    return true;
  }

  bool unicode_escape() {
    const std::string_view text = text_.substr(0, end_);
    const std::optional<std::uint32_t> unit = hex_unit(text, at_ + 2);
    if (!unit) return refuse("contains \\u without four hexadecimal digits");
    if (*unit == 0) return refuse("contains \\u0000");
    std::uint32_t code_point = *unit;
    std::size_t length = 6;
    if (is_high_surrogate(*unit)) {
      const bool is_escape = text.substr(at_ + 6, 2) == "\\u";
      const std::optional<std::uint32_t> low = is_escape ? hex_unit(text, at_ + 8) : std::nullopt;
      if (!low || !is_low_surrogate(*low)) return refuse("contains half of a \\u surrogate pair");
      code_point = join_surrogates(*unit, *low);
      length = 12;
    } else if (is_low_surrogate(*unit)) {
      return refuse("contains half of a \\u surrogate pair");
    }
    append_utf8(code_point, out_);
    at_ += length;
    return true;
  }

  bool refuse(std::string reason) {
    refusal_ = {at_, std::move(reason)};
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::string out_;
  Refusal refusal_;
};

/// Where the key ends and the value begins: at the first `=`, `:` or white space that no backslash
/// escapes; one `=` or `:` may have white space on both sides.
std::pair<Span, Span> split_key(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] != '=' && text[at] != ':' && !is_blank(text[at])) {
    at += text[at] == '\\' ? 2 : 1;
  }
  const Span key{0, std::min(at, text.size())};
  std::size_t value = key.end;
  while (value < text.size() && is_blank(text[value])) ++value;
  if (value < text.size() && (text[value] == '=' || text[value] == ':')) ++value;
  while (value < text.size() && is_blank(text[value])) ++value;
  return {key, Span{value, text.size()}};
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file, std::vector<ConfigProblem>& problems,
         const PropertiesLimits& limits)
      : lines_(text), file_(file), problems_(problems), limits_(limits) {}

  std::vector<Property> run() {
    const std::size_t problems_before = problems_.size();
    while (lines_.next()) {
      const std::string_view line = without_leading_blanks(lines_.line());
      if (line.empty() || is_comment(line)) continue;
      if (!read_property(line)) break;
      if (problems_.size() - problems_before >= limits_.problems_max) {
        refuse(lines_.number(), "too many problems; the rest of the file was not read");
        break;
      }
    }
    return std::move(properties_);
  }

 private:
  /// False: a limit was passed, reading further would be pointless.
  bool read_property(std::string_view line) {
    const std::uint32_t first_line = lines_.number();
    LogicalLine logical;
    while (true) {
      const bool goes_on = is_continued(line);
      logical.join(goes_on ? line.substr(0, line.size() - 1) : line, lines_.number());
      if (logical.text.size() > limits_.line_bytes_max) {
        return refuse(first_line, fmt::format("a line, with its continuations, is longer than {} "
                                              "bytes; the rest of the file was not read",
                                              limits_.line_bytes_max));
      }
      if (!goes_on || !lines_.next()) break;
      line = without_leading_blanks(lines_.line());
      // Behind nothing but a backslash, the next line is a first line again.
      if (logical.text.empty() && is_comment(line)) return true;
    }
    if (logical.text.empty()) return true;
    if (properties_.size() >= limits_.keys_max) {
      return refuse(first_line, fmt::format("more than {} keys; the rest of the file was not read",
                                            limits_.keys_max));
    }
    add(logical, first_line);
    return true;
  }

  void add(const LogicalLine& logical, std::uint32_t first_line) {
    const auto [key_span, value_span] = split_key(logical.text);
    Unescaper unescaper(logical.text);
    std::optional<std::string> key = unescaper.run(key_span);
    if (!key) {
      const Refusal& refusal = unescaper.refusal();
      refuse(logical.line_at(refusal.offset), "the key " + refusal.reason);
      return;
    }
    std::optional<std::string> value = unescaper.run(value_span);
    if (!value) {
      const Refusal& refusal = unescaper.refusal();
      problems_.push_back({{file_, logical.line_at(refusal.offset)},
                           std::move(*key),
                           "the value " + refusal.reason});
      return;
    }
    properties_.push_back({std::move(*key), std::move(*value), {file_, first_line}});
  }

  bool refuse(std::uint32_t line, std::string reason) {
    problems_.push_back({{file_, line}, "", std::move(reason)});
    return false;
  }

  LineSplitter lines_;
  const std::string& file_;
  std::vector<ConfigProblem>& problems_;
  const PropertiesLimits& limits_;
  std::vector<Property> properties_;
};

struct CloseFile {
  void operator()(std::FILE* file) const {
    const int ignored = std::fclose(file);  // only read from: nothing can be lost
    static_cast<void>(ignored);
  }
};

}  // namespace

std::vector<Property> parse_properties(std::string_view text, const std::string& file,
                                       std::vector<ConfigProblem>& problems,
                                       const PropertiesLimits& limits) {
  if (text.size() > limits.file_bytes_max) {
    problems.push_back(
        {{file, 0}, "", fmt::format("is larger than {} bytes", limits.file_bytes_max)});
    return {};
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return Parser(text, file, problems, limits).run();
}

std::optional<std::string> read_properties_text(const std::string& path,
                                                std::vector<ConfigProblem>& problems,
                                                const PropertiesLimits& limits) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  std::string text;
  std::array<char, 1U << 16U> chunk{};
  // One byte beyond the limit is enough to know that the file, or the pipe, is too large.
  while (file != nullptr && text.size() <= limits.file_bytes_max) {
    const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk.data(), count);
    if (count < chunk.size()) break;
  }
  if (file == nullptr || std::ferror(file.get()) != 0) {
    const std::string reason = std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): start-up
    problems.push_back({{path, 0}, "", "cannot read the file: " + reason});
    return std::nullopt;
  }
  return text;
}

std::vector<Property> read_properties_file(const std::string& path,
                                           std::vector<ConfigProblem>& problems,
                                           const PropertiesLimits& limits) {
  const auto text = read_properties_text(path, problems, limits);
  return text ? parse_properties(*text, path, problems, limits) : std::vector<Property>{};
}

}  // namespace spillway::agent
