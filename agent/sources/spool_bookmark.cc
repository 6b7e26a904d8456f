#include "agent/sources/spool_bookmark.h"

#include <fmt/format.h>

#include <charconv>

namespace spillway::agent {
namespace {

constexpr std::string_view kMark = "spool1";  // version and kind of source

// Takes a blank and a number off `text`.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  if (!text.starts_with(' ')) return false;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
}

}  // namespace

std::string format_spool_bookmark(const SpoolBookmark& bookmark) {
  const SpoolIdentity& identity = bookmark.identity;
  return fmt::format("{} {} {} {} {} {} {}", kMark, identity.inode, identity.size_bytes,
                     identity.modified_ns, bookmark.offset_bytes, bookmark.skipped_events,
                     bookmark.is_at_end ? 1 : 0);
}

std::optional<SpoolBookmark> parse_spool_bookmark(std::string_view text) {
  if (!text.starts_with(kMark)) return std::nullopt;
  text.remove_prefix(kMark.size());
  SpoolBookmark bookmark;
  std::uint64_t is_at_end = 0;
  const bool is_whole = take_number(text, bookmark.identity.inode) &&
                        take_number(text, bookmark.identity.size_bytes) &&
                        take_number(text, bookmark.identity.modified_ns) &&
                        take_number(text, bookmark.offset_bytes) &&
                        take_number(text, bookmark.skipped_events) &&
                        take_number(text, is_at_end) && text.empty() && is_at_end <= 1 &&
                        bookmark.offset_bytes <= bookmark.identity.size_bytes;
  if (!is_whole) return std::nullopt;
  bookmark.is_at_end = is_at_end == 1;
  return bookmark;
}

bool goes_on_from(const SpoolBookmark& bookmark, const SpoolPosition& position) {
  if (!position.identity || bookmark.offset_bytes < position.offset_bytes) return false;
  SpoolIdentity identity = bookmark.identity;
  identity.path = position.identity->path;
  return identity == *position.identity;
}

}  // namespace spillway::agent
