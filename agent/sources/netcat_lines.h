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
#include "agent/net/stream_buffer.h"

namespace spillway::agent {

/// Not thread-safe. Holds at most one piece plus four bytes per allowed character.
class NetcatLines {
 public:
  /// `line_chars_max` must be at least 1.
  NetcatLines(std::size_t line_chars_max, Charset charset)
      : line_chars_max_(line_chars_max), charset_(std::move(charset)) {}

  /// More input, borrowed until settle().
  void feed(const StreamPiece& piece) { buffer_.feed(piece); }
  void settle() { buffer_.settle(); }

  enum class Next : std::uint8_t {
    kLine,      // `body` is the next line in UTF-8
    kNeedMore,  // feed() first
    kTooLong,   // sticky: where the next line would begin is not known
  };

  /// `body` is set when the result is kLine, and valid until the next call of anything here.
  Next next(std::string_view& body);

 private:
  const std::size_t line_chars_max_;
  const Charset charset_;

  StreamBuffer buffer_;
  std::size_t scanned_ = 0;        // no newline in so many bytes of buffer_
  std::size_t scanned_chars_ = 0;  // in that range
  bool is_line_ascii_ = true;      // as far as scanned; in an encoding that contains ASCII
  bool is_too_long_ = false;
  std::string text_;  // a line in UTF-8 that came as something else
};

}  // namespace spillway::agent
