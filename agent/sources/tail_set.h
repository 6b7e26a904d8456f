// TailSet: the files a taildir source follows, and what happens to them between two looks.
//
// Recognises growth, rotation inside and out of the pattern, deletion, truncation, replaced
// contents and reused inodes; docs/decisions/0201-taildir-follows-inodes.md has the table. Keeps
// within a number of open files. Reading lines and handing them on is the source's business.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/sources/tail_file.h"
#include "agent/sources/tail_group.h"
#include "agent/sources/tail_positions.h"
#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct TailSetOptions {
  std::string source_name;
  std::size_t files_max = 100'000;
  std::size_t open_files_max = 512;
  std::uint64_t idle_timeout_ns = 120'000'000'000;
  bool skips_to_end = false;            // files found by the first look start at their end
  bool caches_pattern_matching = true;  // list a directory only when it has changed
};

/// Not thread-safe, except the counts.
class TailSet {
 public:
  TailSet(TailSetOptions options, std::vector<TailGroup> groups, const Clock& clock);

  /// Positions of an earlier run; claimed by the files they belong to as those are found. Call
  /// before the first look().
  void restore(const std::vector<TailPosition>& positions);

  /// Looks at every directory and file once. True when files came, went or were restarted, so
  /// that the positions on disk should be replaced soon.
  bool look();

  /// Looks at these files only; cheap where there are thousands.
  void look_at_some(const std::vector<TailFile*>& files);

  /// Files with something to read, rotated ones first, then the longest unchanged. The pointers
  /// are good until the next look().
  [[nodiscard]] std::vector<TailFile*> readable() const;

  /// Has the file not changed for the idle timeout, so that an unterminated line is a line?
  [[nodiscard]] bool is_idle(const TailFile& file) const;

  /// Opens `file` unless it is open, closing others where needed.
  Result<void> open(TailFile& file);

  /// Of all files, and of those of an earlier run that may still be found.
  [[nodiscard]] std::vector<TailPosition> positions() const;

  /// Those that are followed.
  [[nodiscard]] std::vector<FileId> file_ids() const;

  /// Thread-safe, as of the last look().
  [[nodiscard]] std::uint64_t file_count() const { return file_count_.load(); }
  [[nodiscard]] std::uint64_t unread_bytes() const { return unread_bytes_.load(); }
  [[nodiscard]] std::uint64_t open_count() const { return open_count_.load(); }
  [[nodiscard]] std::uint64_t restart_count() const { return restart_count_.value(); }

 private:
  using FileIds = std::unordered_set<FileId, FileIdHash>;
  using Orphans = std::multimap<std::uint64_t, TailPosition>;  // by inode

  void look_at(TailFile& file);
  void check_contents(TailFile& file);
  void restart(TailFile& file, const char* reason);

  /// Lists the directory of a group; true when there were files nobody knew.
  bool list(std::size_t group);
  void list_until_known(std::size_t group);
  void unlist(std::size_t group, const FileIds& seen);
  [[nodiscard]] std::unordered_set<std::uint64_t> inodes_sought(std::size_t group) const;
  void follow(std::size_t group, const TailCandidate& candidate);
  void add(std::size_t group, const TailCandidate& candidate);
  void follow_stray(std::size_t group, const TailCandidate& candidate);

  /// Goes on where an earlier run stopped, if one of its positions is of this file.
  bool claim_position(TailFile& file);
  [[nodiscard]] bool is_position_of(const TailPosition& position, const TailFile& file) const;

  void forget_finished();
  void forget_orphans();
  void close(TailFile& file);
  void close_some();
  void count();

  const TailSetOptions options_;
  const Clock& clock_;

  std::vector<TailGroup> groups_;
  std::vector<bool> must_list_;   // by group: a file is no longer where it was
  std::vector<bool> was_listed_;  // by group: at least once
  std::unordered_map<FileId, std::unique_ptr<TailFile>, FileIdHash> files_;
  Orphans orphans_;
  std::uint64_t found_count_ = 0;
  bool is_first_look_ = true;
  bool has_moved_ = false;  // since the last look() returned
  std::uint64_t now_ns_ = 0;

  std::atomic<std::uint64_t> file_count_{0};
  std::atomic<std::uint64_t> unread_bytes_{0};
  std::atomic<std::uint64_t> open_count_{0};
  Counter restart_count_;
};

}  // namespace spillway::agent
