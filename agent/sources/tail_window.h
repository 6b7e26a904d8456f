// TailWindow: the stretch of a followed file that is in memory, and its lines.
//
// One window serves all files of a source, so memory does not grow with their number; it holds
// one read, or one line where that is longer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/sources/tail_file.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Not thread-safe.
class TailWindow {
 public:
  /// `line_bytes_max` must be at least 4.
  explicit TailWindow(std::size_t line_bytes_max);

  enum class Rest : std::uint8_t {
    kHold,     // an unterminated last line is not a line yet
    kDeliver,  // it will not be continued
  };

  struct Line {
    std::string_view text;         // without its end; dies with the next call
    std::uint64_t end_offset = 0;  // where the next line begins
    bool is_terminated = true;     // false: cut at the limit, or the rest of the file
  };

  /// The line that begins at `offset`; nullopt when there is none yet. A line ends at \n, a \r
  /// before it is dropped; beyond the limit it is cut between characters.
  Result<std::optional<Line>> line_at(const TailFile& file, std::uint64_t offset, Rest rest);

  /// Forgets what is in memory: the files may have changed.
  void invalidate() { size_ = 0; }

 private:
  /// What is in memory of `file` from `offset` on.
  [[nodiscard]] std::string_view text_at(const TailFile& file, std::uint64_t offset) const;

  /// Reads on behind text_at(); 0 at the end of the file.
  Result<std::size_t> extend(const TailFile& file, std::uint64_t offset);

  const std::size_t line_bytes_max_;

  std::vector<char> buffer_;
  FileId id_;                // whose contents they are
  std::uint64_t begin_ = 0;  // offset in the file of buffer_[0]
  std::size_t size_ = 0;     // valid bytes in buffer_
};

}  // namespace spillway::agent
