#include "agent/sources/netcat_lines.h"

#include <algorithm>

namespace spillway::agent {
namespace {

// Bytes per character at most: what needs more is not text, and would grow without an end.
constexpr std::size_t kCharBytesMax = 4;

}  // namespace

void NetcatLines::append(std::string_view piece) {
  buffer_.erase(0, line_begin_);
  scanned_ -= line_begin_;
  line_begin_ = 0;
  buffer_ += piece;
}

NetcatLines::Next NetcatLines::next(std::string& body) {
  if (is_too_long_) return Next::kTooLong;
  const std::string_view line = std::string_view(buffer_).substr(line_begin_);
  const std::size_t newline = charset_.find_newline(line, scanned_ - line_begin_);
  const std::size_t line_bytes = std::min(newline, line.size());
  if (const auto encoding = charset_.plain()) {
    const std::string_view fresh = line.substr(0, line_bytes).substr(scanned_ - line_begin_);
    scanned_chars_ += count_chars(fresh, *encoding);
  }
  scanned_ = line_begin_ + line_bytes;
  if (scanned_chars_ >= line_chars_max_ || line_bytes >= kCharBytesMax * line_chars_max_) {
    is_too_long_ = true;
    return Next::kTooLong;
  }
  if (newline == std::string_view::npos) return Next::kNeedMore;
  body.clear();
  charset_.append_as_utf8(line.substr(0, line_bytes), body);
  if (!charset_.plain() && count_chars(body, Encoding::kUtf8) >= line_chars_max_) {
    is_too_long_ = true;
    return Next::kTooLong;
  }
  scanned_ += charset_.newline_bytes();
  line_begin_ = scanned_;
  scanned_chars_ = 0;
  return Next::kLine;
}

}  // namespace spillway::agent
