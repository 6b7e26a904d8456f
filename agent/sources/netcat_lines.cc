#include "agent/sources/netcat_lines.h"

namespace spillway::agent {
namespace {

// Bytes per character at most: what needs more is not text, and would grow without an end.
constexpr std::size_t kCharBytesMax = 4;

}  // namespace

NetcatLines::Next NetcatLines::next(std::string_view& body) {
  if (is_too_long_) return Next::kTooLong;
  const std::string_view input = buffer_.view();
  const std::size_t newline = charset_.find_newline(input, scanned_);
  const std::string_view line = input.substr(0, newline);
  if (const auto encoding = charset_.plain()) {
    const std::string_view fresh = line.substr(scanned_);
    const bool is_fresh_ascii = is_ascii(fresh);
    is_line_ascii_ = is_line_ascii_ && is_fresh_ascii;
    scanned_chars_ += is_fresh_ascii ? fresh.size() : count_chars(fresh, *encoding);
  }
  scanned_ = line.size();
  if (scanned_chars_ >= line_chars_max_ || line.size() >= kCharBytesMax * line_chars_max_) {
    is_too_long_ = true;
    return Next::kTooLong;
  }
  if (newline == std::string_view::npos) return Next::kNeedMore;
  body = line;
  if (!charset_.plain() || !is_line_ascii_) {
    text_.clear();
    charset_.append_as_utf8(line, text_);
    body = text_;
  }
  if (!charset_.plain() && count_chars(body, Encoding::kUtf8) >= line_chars_max_) {
    is_too_long_ = true;
    return Next::kTooLong;
  }
  buffer_.consume(line.size() + charset_.newline_bytes());
  scanned_ = scanned_chars_ = 0;
  is_line_ascii_ = true;
  return Next::kLine;
}

}  // namespace spillway::agent
