// TailGroup: a directory and the pattern that selects files in it (`filegroups.<name>`).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "agent/regex.h"
#include "agent/sources/tail_file.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct TailCandidate {
  std::string path;
  struct stat status = {};
};

struct TailListing {
  std::vector<TailCandidate> matches;  // oldest change first
  std::vector<TailCandidate> strays;   // files asked for by inode under names that do not match
};

/// Not thread-safe.
class TailGroup {
 public:
  /// `pattern`: an absolute directory, '/', and a regular expression for the whole file name.
  static Result<TailGroup> create(std::string_view pattern);

  [[nodiscard]] const std::string& directory() const { return directory_; }

  /// Could list() find something else than last time? Looks at the directory's time of change,
  /// and goes on saying yes for a while after one: its resolution may be as coarse as 2 s.
  [[nodiscard]] bool is_changed(std::uint64_t now_ns);

  /// Regular files whose name matches. Files that vanish meanwhile are left out. `inodes`: other
  /// files to report as strays.
  Result<TailListing> list(const std::unordered_set<std::uint64_t>& inodes) const;

 private:
  TailGroup(std::string directory, Regex names)
      : directory_(std::move(directory)), names_(std::move(names)) {}

  std::string directory_;
  Regex names_;
  std::int64_t changed_s_ = -1;  // of the directory, at the last look
  std::int64_t changed_ns_ = -1;
  std::uint64_t changing_until_ns_ = 0;
};

}  // namespace spillway::agent
