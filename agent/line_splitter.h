// LineSplitter: a byte stream that arrives in pieces, cut into lines.
//
// A line ends at \n, \r or \r\n, as in Java's BufferedReader.readLine. A line beyond the limit
// becomes several, so that memory stays bounded by the limit plus one piece.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/text_encoding.h"
#include "wal/base/check.h"

namespace spillway::agent {

/// Not thread-safe. `visit` takes a std::string_view that dies with the call.
class LineSplitter {
 public:
  /// `line_bytes_max` must be at least 4.
  explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {
    CHECK(line_bytes_max >= 4);
  }

  /// Visits each line that `piece` completes.
  template <class Visit>
  void feed(std::string_view piece, Visit&& visit) {
    if (piece.empty()) return;
    if (follows_return_ && piece.front() == '\n') piece.remove_prefix(1);
    follows_return_ = false;
    while (true) {
      const std::size_t end = find_line_end(piece);
      if (end == std::string_view::npos) break;
      finish_line(piece.substr(0, end), visit);
      const bool is_return = piece[end] == '\r';
      piece.remove_prefix(end + 1);
      follows_return_ = is_return && piece.empty();
      if (is_return && piece.starts_with('\n')) piece.remove_prefix(1);
    }
    partial_ += piece;
    while (partial_.size() > line_bytes_max_) {
      const std::size_t cut = utf8_prefix(partial_, line_bytes_max_).size();
      visit(std::string_view(partial_).substr(0, cut));
      partial_.erase(0, cut);
    }
  }

  /// Visits the unterminated rest, if any; afterwards the splitter is as new.
  template <class Visit>
  void finish(Visit&& visit) {
    if (!partial_.empty()) visit(std::string_view(partial_));
    partial_.clear();
    follows_return_ = false;
  }

 private:
  static std::size_t find_line_end(std::string_view text) {
    const std::size_t newline = text.find('\n');
    const std::size_t carriage_return = text.substr(0, newline).find('\r');
    return carriage_return != std::string_view::npos ? carriage_return : newline;
  }

  template <class Visit>
  void finish_line(std::string_view end, Visit& visit) {
    if (!partial_.empty()) {
      partial_ += end;
      end = partial_;
    }
    while (end.size() > line_bytes_max_) {
      const std::string_view cut = utf8_prefix(end, line_bytes_max_);
      visit(cut);
      end.remove_prefix(cut.size());
    }
    visit(end);
    partial_.clear();
  }

  const std::size_t line_bytes_max_;
  std::string partial_;          // an unterminated line
  bool follows_return_ = false;  // the last byte was \r: a \n now belongs to it
};

}  // namespace spillway::agent
