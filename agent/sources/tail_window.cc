#include "agent/sources/tail_window.h"

#include <algorithm>
#include <cstring>

#include "agent/text_encoding.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kReadBytes = 256 * kKiB;
constexpr std::size_t kLineEndBytesMax = 2;  // \r\n

std::string_view without_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

TailWindow::TailWindow(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {
  CHECK(line_bytes_max >= 4);
}

Result<std::optional<TailWindow::Line>> TailWindow::line_at(const TailFile& file,
                                                            std::uint64_t offset, Rest rest) {
  std::size_t searched = 0;
  while (true) {
    const std::string_view text = text_at(file, offset);
    const std::size_t newline = text.find('\n', searched);
    searched = text.size();
    if (newline != std::string_view::npos) {
      const std::string_view line = without_return(text.substr(0, newline));
      if (line.size() <= line_bytes_max_) {
        return std::optional(Line{.text = line, .end_offset = offset + newline + 1});
      }
    }
    const bool is_too_long =
        newline != std::string_view::npos || text.size() >= line_bytes_max_ + kLineEndBytesMax;
    if (is_too_long) {
      const std::string_view cut = utf8_prefix(text, line_bytes_max_);
      return std::optional(
          Line{.text = cut, .end_offset = offset + cut.size(), .is_terminated = false});
    }
    TRY_ASSIGN(const std::size_t added, extend(file, offset));
    if (added > 0) continue;
    if (rest == Rest::kHold || text.empty()) return std::optional<Line>();
    const std::string_view last = utf8_prefix(text, line_bytes_max_);
    return std::optional(
        Line{.text = last, .end_offset = offset + last.size(), .is_terminated = false});
  }
}

std::string_view TailWindow::text_at(const TailFile& file, std::uint64_t offset) const {
  if (file.id() != id_ || offset < begin_ || offset >= begin_ + size_) return {};
  const auto skipped = static_cast<std::size_t>(offset - begin_);
  return {buffer_.data() + skipped, size_ - skipped};
}

Result<std::size_t> TailWindow::extend(const TailFile& file, std::uint64_t offset) {
  const std::string_view kept = text_at(file, offset);
  // The buffer grows only for lines that need it, and shrinks when they are through.
  if (buffer_.size() < kept.size() + kReadBytes) {
    std::vector<char> larger(2 * std::max(kept.size(), kReadBytes));
    std::copy(kept.begin(), kept.end(), larger.begin());
    buffer_ = std::move(larger);
  } else if (!kept.empty()) {
    std::memmove(buffer_.data(), kept.data(), kept.size());
  } else if (buffer_.size() > 2 * kReadBytes) {
    buffer_.resize(2 * kReadBytes);
    buffer_.shrink_to_fit();
  }
  id_ = file.id();
  begin_ = offset;
  size_ = kept.size();
  const std::span<char> room = std::span(buffer_).subspan(size_, kReadBytes);
  auto added = file.read_at(offset + size_, std::as_writable_bytes(room));
  if (added.has_value()) size_ += added.value();
  return added;
}

}  // namespace spillway::agent
