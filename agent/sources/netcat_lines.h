// NetcatLines: what one netcat client sends, cut into event bodies.
//
// Flume's rules: only \n ends a line, a \r before it stays in the body, the limit counts decoded
// characters and includes the newline, and an unterminated rest is nobody's event. Of sets whose
// characters cannot be counted piece by piece they are when the line is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "agent/charset.h"

namespace spillway::agent {

/// Not thread-safe. Holds at most one piece plus four bytes per allowed character.
class NetcatLines {
 public:
  /// `line_chars_max` must be at least 1.
  NetcatLines(std::size_t line_chars_max, Charset charset)
      : line_chars_max_(line_chars_max), charset_(std::move(charset)) {}

  void append(std::string_view piece);

  enum class Next : std::uint8_t {
    kLine,      // `body` is the next line in UTF-8
    kNeedMore,  // append() first
    kTooLong,   // sticky: where the next line would begin is not known
  };

  /// Replaces `body` when the result is kLine.
  Next next(std::string& body);

 private:
  const std::size_t line_chars_max_;
  const Charset charset_;

  std::string buffer_;
  std::size_t line_begin_ = 0;     // in buffer_
  std::size_t scanned_ = 0;        // no newline in [line_begin_, scanned_)
  std::size_t scanned_chars_ = 0;  // in that range
  bool is_too_long_ = false;
};

}  // namespace spillway::agent
