// TailCheckpoint: where a taildir source goes on after a restart, by its position file and by the
// bookmark in its channel.
//
// The position file is written every few seconds and is what people and Flume look at. Each put
// carries a bookmark that says how far the files were read since, and of which position file that
// goes on: the two are one checkpoint, exact across a crash. A position file that was changed,
// deleted or written while another channel was in use holds alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/component.h"
#include "agent/sources/tail_file.h"
#include "agent/sources/tail_positions.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// What a bookmark says.
struct TailBookmark {
  std::uint64_t positions_hash = 0;     // of the position file it goes on from; 0: there is none
  std::vector<TailPosition> positions;  // of files read since; without their paths
};

std::string format_tail_bookmark(const TailBookmark& bookmark);

/// nullopt when the text is none: it may be another kind of source's.
std::optional<TailBookmark> parse_tail_bookmark(std::string_view text);

/// `positions` as of `bookmark`.
void apply_tail_bookmark(const TailBookmark& bookmark, std::vector<TailPosition>& positions);

/// One thread at a time.
class TailCheckpoint {
 public:
  /// More files than that in one batch have no bookmark.
  static constexpr std::size_t kFilesMax = 250;

  /// `receiver` outlives the checkpoint.
  TailCheckpoint(std::string source_name, std::string position_path, EventReceiver& receiver);

  /// What an earlier run left. An error when that cannot be known now: the channel does not answer
  /// or the file cannot be read. Without it everything would be read again.
  Result<ParsedPositions> load();

  /// Writes the position file, durably; `files` are those that it names and that are followed.
  Result<void> save(const std::vector<TailPosition>& positions, std::vector<FileId> files);

  /// Must save() come first, so that a bookmark can tell about these files?
  [[nodiscard]] bool needs_save(std::span<TailFile* const> read) const;

  /// Of a put behind which `read` are accepted up to their next_offset; nullopt: none is kept. Its
  /// key is the source's name.
  [[nodiscard]] std::optional<std::string> bookmark(std::span<TailFile* const> read) const;

  /// That put has been accepted.
  void accept(std::span<TailFile* const> read);

  /// Whether a put that failed is in the channel all the same; an error: nobody knows yet.
  [[nodiscard]] Result<bool> is_put(const channel::EventBatch& batch) const;

 private:
  void note_hash(std::uint64_t hash);

  const std::string source_name_;
  const std::string position_path_;
  EventReceiver& receiver_;

  bool is_kept_ = false;  // the channel keeps bookmarks
  std::uint64_t positions_hash_ = 0;
  std::unordered_set<FileId, FileIdHash> saved_;  // in the position file
  std::unordered_map<FileId, TailPosition, FileIdHash> read_since_;
};

}  // namespace spillway::agent
