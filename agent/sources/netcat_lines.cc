#include "agent/sources/netcat_lines.h"

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
  const std::string_view fresh = std::string_view(buffer_).substr(scanned_);
  const std::size_t newline = fresh.find('\n');
  const std::string_view checked = fresh.substr(0, newline);
  scanned_chars_ += count_chars(checked, encoding_);
  scanned_ += checked.size();
  const std::size_t line_bytes = scanned_ - line_begin_;
  if (scanned_chars_ >= line_chars_max_ || line_bytes >= kCharBytesMax * line_chars_max_) {
    is_too_long_ = true;
    return Next::kTooLong;
  }
  if (newline == std::string_view::npos) return Next::kNeedMore;
  body.clear();
  append_as_utf8(std::string_view(buffer_).substr(line_begin_, line_bytes), encoding_, body);
  line_begin_ = ++scanned_;
  scanned_chars_ = 0;
  return Next::kLine;
}

}  // namespace spillway::agent
