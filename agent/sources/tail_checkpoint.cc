#include "agent/sources/tail_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <utility>

namespace spillway::agent {
namespace {

constexpr std::string_view kMark = "tail1";  // version and kind of source

TailPosition position_behind(const TailFile& file) {
  return {
      .inode = file.id().inode, .offset_bytes = file.next_offset, .path = {}, .head = file.head()};
}

void append(std::string& text, const TailPosition& position) {
  fmt::format_to(std::back_inserter(text), "\n{} {} {} {:x}", position.inode, position.offset_bytes,
                 position.head.size_bytes, position.head.hash);
}

// Takes a number and the separator before it off `text`.
bool take_number(std::string_view& text, char separator, int base, std::uint64_t& number) {
  if (text.empty() || text.front() != separator) return false;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + 1, end, number, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
}

}  // namespace

std::string format_tail_bookmark(const TailBookmark& bookmark) {
  std::string text = fmt::format("{} {:x}", kMark, bookmark.positions_hash);
  for (const TailPosition& position : bookmark.positions) append(text, position);
  return text;
}

std::optional<TailBookmark> parse_tail_bookmark(std::string_view text) {
  constexpr int kHex = 16;
  constexpr int kDecimal = 10;
  if (!text.starts_with(kMark)) return std::nullopt;
  text.remove_prefix(kMark.size());
  TailBookmark bookmark;
  if (!take_number(text, ' ', kHex, bookmark.positions_hash)) return std::nullopt;
  while (!text.empty()) {
    TailPosition& position = bookmark.positions.emplace_back();
    const bool is_whole = take_number(text, '\n', kDecimal, position.inode) &&
                          take_number(text, ' ', kDecimal, position.offset_bytes) &&
                          take_number(text, ' ', kDecimal, position.head.size_bytes) &&
                          take_number(text, ' ', kHex, position.head.hash) &&
                          position.head.size_bytes <= TailHead::kBytesMax;
    if (!is_whole) return std::nullopt;
  }
  return bookmark;
}

// Inodes are unique on one disk only. With several of them the fingerprints tell which is which,
// and the bookmark's positions are looked at first.
void apply_tail_bookmark(const TailBookmark& bookmark, std::vector<TailPosition>& positions) {
  std::vector<TailPosition> read = bookmark.positions;
  for (TailPosition& position : read) {
    const auto is_same = [&](const TailPosition& other) { return other.inode == position.inode; };
    const auto known = std::find_if(positions.begin(), positions.end(), is_same);
    if (known == positions.end()) continue;
    position.path = known->path;
    if (std::count_if(positions.begin(), positions.end(), is_same) == 1) positions.erase(known);
  }
  positions.insert(positions.begin(), read.begin(), read.end());
}

TailCheckpoint::TailCheckpoint(std::string source_name, std::string position_path,
                               EventReceiver& receiver)
    : source_name_(std::move(source_name)),
      position_path_(std::move(position_path)),
      receiver_(receiver) {}

Result<ParsedPositions> TailCheckpoint::load() {
  TRY_ASSIGN(ParsedPositions loaded, load_tail_positions(position_path_));
  note_hash(loaded.hash);
  const auto kept = receiver_.bookmark(source_name_);
  is_kept_ = kept.has_value();
  if (!is_kept_) {
    if (kept.error().code != Errc::kUnsupported) return kept.error();
    return loaded;
  }
  if (!kept.value()) return loaded;
  const auto bookmark = parse_tail_bookmark(*kept.value());
  if (bookmark && bookmark->positions_hash == positions_hash_) {
    apply_tail_bookmark(*bookmark, loaded.positions);
  }
  return loaded;
}

Result<void> TailCheckpoint::save(const std::vector<TailPosition>& positions,
                                  std::vector<FileId> files) {
  const auto kept = receiver_.bookmark(source_name_);
  is_kept_ = kept.has_value() || kept.error().code != Errc::kUnsupported;
  const auto saved = save_tail_positions(position_path_, positions);
  if (!saved.has_value()) {
    // It may have been replaced before that failed; bookmarks go on from what is there.
    const auto loaded = load_tail_positions(position_path_);
    if (loaded.has_value()) positions_hash_ = loaded.value().hash;
    return saved.error();
  }
  note_hash(saved.value());
  saved_ = {files.begin(), files.end()};
  return {};
}

void TailCheckpoint::note_hash(std::uint64_t hash) {
  positions_hash_ = hash;
  saved_.clear();
  read_since_.clear();
}

bool TailCheckpoint::needs_save(std::span<TailFile* const> read) const {
  if (!is_kept_) return false;
  if (read_since_.size() + read.size() > kFilesMax) return true;
  return std::any_of(read.begin(), read.end(),
                     [&](const TailFile* file) { return !saved_.contains(file->id()); });
}

std::optional<std::string> TailCheckpoint::bookmark(std::span<TailFile* const> read) const {
  if (!is_kept_ || read_since_.size() + read.size() > kFilesMax) return std::nullopt;
  TailBookmark bookmark{.positions_hash = positions_hash_, .positions = {}};
  for (const TailFile* const file : read) bookmark.positions.push_back(position_behind(*file));
  for (const auto& since : read_since_) {
    const bool is_read = std::any_of(
        read.begin(), read.end(), [&](const TailFile* file) { return file->id() == since.first; });
    if (!is_read) bookmark.positions.push_back(since.second);
  }
  return format_tail_bookmark(bookmark);
}

void TailCheckpoint::accept(std::span<TailFile* const> read) {
  if (!is_kept_) return;
  for (const TailFile* const file : read) read_since_[file->id()] = position_behind(*file);
}

Result<bool> TailCheckpoint::is_put(const channel::EventBatch& batch) const {
  if (!batch.bookmark()) return false;
  const auto kept = receiver_.bookmark(source_name_);
  if (!kept.has_value()) {
    if (kept.error().code == Errc::kUnsupported) return false;
    return kept.error();
  }
  return kept.value() && *kept.value() == batch.bookmark()->value;
}

}  // namespace spillway::agent
