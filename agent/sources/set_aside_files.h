// SetAsideFiles: spooled files that are left alone from now on, across restarts.
//
// A file that changed while it was read, or that cannot be read on, would make Flume stop; here it
// stays where it is, is never read again under this path and inode, and its reason is kept in
// `.spillway-set-aside.json` in the tracker directory. Moving it away, or putting another file in
// its place, ends that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"

namespace spillway::agent {

struct SetAsideFile {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t accepted_bytes = 0;  // what comes before has become events
  std::string reason = {};
};

/// Accepts anything; what is no entry is left out.
std::vector<SetAsideFile> parse_set_aside(std::string_view json);
std::string format_set_aside(const std::vector<SetAsideFile>& files);

/// Not thread-safe.
class SetAsideFiles {
 public:
  explicit SetAsideFiles(std::string path) : path_(std::move(path)) {}

  /// What earlier runs have set aside and is still there. A missing list is an empty one.
  Result<void> load();

  /// Keeps it in memory whatever happens; an error means that the next run will not know.
  Result<void> add(SetAsideFile file);

  [[nodiscard]] bool contains(std::string_view path, std::uint64_t inode) const;
  [[nodiscard]] std::size_t size() const { return files_.size(); }

  /// Forgets those that are no longer where they were.
  void forget_gone();

 private:
  const std::string path_;
  std::vector<SetAsideFile> files_;
};

}  // namespace spillway::agent
