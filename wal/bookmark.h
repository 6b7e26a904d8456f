// Where whoever puts entries goes on: a small value that becomes durable with a transaction.
//
// A source that can read its input again asks for its own at the start, and neither loses nor
// repeats anything across a crash. Kafka's producers do the same by sending their consumer's
// offsets to the transaction. On disk: docs/format.md, "Payload" and "Manifest".
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/bytes.h"

namespace spillway::wal {

inline constexpr std::size_t kBookmarkKeyBytesMax = 256;
inline constexpr std::size_t kBookmarkValueBytesMax = 16 * kKiB;
inline constexpr std::size_t kBookmarksMax = 16;  // all of them fit into a manifest

struct BookmarkView {
  std::string_view key;  // not empty
  std::string_view value;

  [[nodiscard]] bool is_possible() const {
    return !key.empty() && key.size() <= kBookmarkKeyBytesMax &&
           value.size() <= kBookmarkValueBytesMax;
  }
};

/// Owns its bytes.
struct Bookmark {
  std::string key;
  std::string value;

  [[nodiscard]] BookmarkView view() const { return {.key = key, .value = value}; }

  friend bool operator==(const Bookmark&, const Bookmark&) = default;
};

/// The last value of each key, as of some place in the log. A value type; not thread-safe.
class Bookmarks {
 public:
  /// Of more than kBookmarksMax keys the one that was not set for longest is forgotten: whoever
  /// used it is gone, or goes on without.
  void set(BookmarkView bookmark);

  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const;

  /// The one that was set last comes last.
  [[nodiscard]] const std::vector<Bookmark>& all() const { return all_; }

  friend bool operator==(const Bookmarks&, const Bookmarks&) = default;

 private:
  std::vector<Bookmark> all_;
};

}  // namespace spillway::wal
