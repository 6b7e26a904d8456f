#include "wal/bookmark.h"

#include <algorithm>

namespace spillway::wal {

void Bookmarks::set(BookmarkView bookmark) {
  const auto known = std::find_if(all_.begin(), all_.end(),
                                  [&](const Bookmark& b) { return b.key == bookmark.key; });
  if (known != all_.end()) {
    std::rotate(known, known + 1, all_.end());
    all_.back().value = bookmark.value;
    return;
  }
  if (all_.size() == kBookmarksMax) all_.erase(all_.begin());
  all_.push_back({.key = std::string(bookmark.key), .value = std::string(bookmark.value)});
}

std::optional<std::string_view> Bookmarks::find(std::string_view key) const {
  for (const Bookmark& bookmark : all_) {
    if (bookmark.key == key) return bookmark.value;
  }
  return std::nullopt;
}

}  // namespace spillway::wal
