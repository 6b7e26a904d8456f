// SpoolDirectory: which file of a spooling directory comes next.
//
// Lists, filters and sorts; keeps a list until it is used up or old. Reading and finishing files
// is SpoolReader's business.
// Source: Flume 1.11, ReliableSpoolingFileEventReader.getCandidateFiles.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/regex.h"
#include "wal/base/clock.h"
#include "wal/base/random.h"
#include "wal/base/result.h"

namespace spillway::agent {

enum class ConsumeOrder : std::uint8_t { kOldest, kYoungest, kRandom };

struct SpoolDirectoryOptions {
  std::string directory;  // without a slash at the end
  std::string tracker_directory;
  std::string completed_suffix;
  std::string include_pattern;
  std::string ignore_pattern;
  ConsumeOrder order = ConsumeOrder::kOldest;
  bool is_recursive = false;
  bool marks_in_tracker = false;       // a finished file has a mark there and keeps its name
  std::uint64_t list_interval_ns = 0;  // a list that is older is made again
};

struct SpoolCandidate {
  std::string path;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
};

/// Not thread-safe.
class SpoolDirectory {
 public:
  /// kBadConfig when a pattern is none.
  static Result<SpoolDirectory> create(SpoolDirectoryOptions options, const Clock& clock);

  /// The next file that `is_wanted`; nullopt when there is none now.
  using Filter = std::function<bool(const SpoolCandidate&)>;
  Result<std::optional<SpoolCandidate>> next(const Filter& is_wanted);

  /// Is `path` a file this directory would give? For the one an earlier run was reading.
  [[nodiscard]] bool is_candidate(const std::string& path) const;

  /// Where the mark of a finished file goes.
  [[nodiscard]] std::string mark_path(const std::string& path) const;

  /// The path below the directory.
  [[nodiscard]] std::string relative(const std::string& path) const;

  /// As of the last list, without those given since.
  [[nodiscard]] std::size_t waiting_count() const { return waiting_.size(); }

 private:
  SpoolDirectory(SpoolDirectoryOptions options, Regex included, Regex ignored, const Clock& clock);

  Result<void> list();
  Result<void> list_folder(const std::string& folder, int depth,
                           std::vector<SpoolCandidate>& found) const;
  [[nodiscard]] bool is_name_wanted(std::string_view name) const;

  SpoolDirectoryOptions options_;
  Regex included_;
  Regex ignored_;
  const Clock* clock_;
  Random random_;

  std::deque<SpoolCandidate> waiting_;
  std::uint64_t listed_at_ns_ = 0;
  bool was_listed_ = false;
};

}  // namespace spillway::agent
