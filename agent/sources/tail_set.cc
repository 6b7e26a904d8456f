#include "agent/sources/tail_set.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr int kListingsMax = 3;  // in one look

// Flume's positions are behind a newline, except after an idle close.
bool is_behind_newline(const TailFile& file, std::uint64_t offset) {
  if (offset == 0) return true;
  std::array<std::byte, 1> byte{};
  const auto count = file.read_at(offset - 1, byte);
  return count.has_value() && count.value() == 1 && byte[0] == std::byte{'\n'};
}

}  // namespace

TailSet::TailSet(TailSetOptions options, std::vector<TailGroup> groups, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      groups_(std::move(groups)),
      must_list_(groups_.size(), true),
      was_listed_(groups_.size(), false) {}

void TailSet::restore(const std::vector<TailPosition>& positions) {
  CHECK(is_first_look_);
  orphans_.clear();
  for (const TailPosition& position : positions) orphans_.emplace(position.inode, position);
}

bool TailSet::look() {
  has_moved_ = false;
  now_ns_ = clock_.monotonic_ns();
  for (const auto& [id, file] : files_) look_at(*file);
  for (std::size_t group = 0; group < groups_.size(); ++group) {
    const bool is_changed = groups_[group].is_changed(now_ns_);
    if (is_changed || must_list_[group] || !options_.caches_pattern_matching) {
      list_until_known(group);
    }
  }
  forget_finished();
  forget_orphans();
  count();
  is_first_look_ = false;
  return has_moved_;
}

void TailSet::look_at_some(const std::vector<TailFile*>& files) {
  now_ns_ = clock_.monotonic_ns();
  for (TailFile* const file : files) look_at(*file);
}

void TailSet::look_at(TailFile& file) {
  auto status = status_of_file(file.path);
  file.is_at_path = file.is_listed && status.has_value() && file_id(status.value()) == file.id();
  if (!file.is_at_path) {
    if (file.is_listed) must_list_[file.group] = true;
    if (!file.is_open()) return;
    status = file.status();
    if (!status.has_value()) return;
  }
  if (file.observe(status.value(), now_ns_)) check_contents(file);
}

// The file has changed: are the bytes before the accepted offset still those that were read?
void TailSet::check_contents(TailFile& file) {
  if (file.size_bytes() < file.accepted_bytes()) {
    restart(file, "truncated");
  } else if (open(file).has_value()) {
    const auto is_same = file.has_same_head();
    if (!is_same.has_value()) return;
    if (!is_same.value()) restart(file, "contents replaced");
  }
  if (open(file).has_value() && file.extend_head()) has_moved_ = true;
}

void TailSet::restart(TailFile& file, const char* reason) {
  log_info("taildir.restarted", "file is read from its beginning again",
           {{"source", options_.source_name},
            {"file", file.path},
            {"reason", reason},
            {"offset", file.accepted_bytes()},
            {"size", file.size_bytes()}});
  file.resume_at(0, {});
  restart_count_.add();
  has_moved_ = true;
}

// A new file may have taken the place of one that was still written to after we had looked at it:
// its last lines come before those of the new file, so they must be seen in the same look.
void TailSet::list_until_known(std::size_t group) {
  for (int attempt = 0; attempt < kListingsMax && list(group); ++attempt) {
    for (const auto& [id, file] : files_) {
      if (file->group == group) look_at(*file);
    }
  }
}

bool TailSet::list(std::size_t group) {
  const std::uint64_t known_count = found_count_;
  const auto listing = groups_[group].list(inodes_sought(group));
  must_list_[group] = !listing.has_value();
  if (!listing.has_value()) {
    log_warn("taildir.directory_unreadable", "directory cannot be listed; will try again",
             {{"source", options_.source_name},
              {"directory", groups_[group].directory()},
              {"error", listing.error()}});
    // Whoever is out of sight may come back with the directory; from a removed one nobody does.
    if (listing.error().code == Errc::kNotFound) unlist(group, {});
    return false;
  }
  was_listed_[group] = true;
  FileIds seen;
  for (const TailCandidate& candidate : listing.value().matches) {
    seen.insert(file_id(candidate.status));
    follow(group, candidate);
  }
  for (const TailCandidate& candidate : listing.value().strays) follow_stray(group, candidate);
  unlist(group, seen);
  return found_count_ > known_count;
}

// The other files of the group left it.
void TailSet::unlist(std::size_t group, const FileIds& seen) {
  for (const auto& [id, file] : files_) {
    if (file->group != group || !file->is_listed || seen.contains(id)) continue;
    file->is_listed = false;
    file->is_at_path = false;
    has_moved_ = true;
  }
}

// Inodes of files that were rotated out of the pattern while they were closed, or before we
// started: found again under another name in the same directory, nothing of them is lost.
std::unordered_set<std::uint64_t> TailSet::inodes_sought(std::size_t group) const {
  std::unordered_set<std::uint64_t> inodes;
  for (const auto& [id, file] : files_) {
    if (file->group == group && !file->is_at_path && !file->is_open()) inodes.insert(id.inode);
  }
  for (const auto& [inode, position] : orphans_) {
    const auto directory = std::filesystem::path(position.path).parent_path();
    const bool is_recognizable = position.head.size_bytes > 0;
    if (is_recognizable && directory == groups_[group].directory()) inodes.insert(inode);
  }
  return inodes;
}

void TailSet::follow(std::size_t group, const TailCandidate& candidate) {
  const auto found = files_.find(file_id(candidate.status));
  if (found == files_.end()) return add(group, candidate);
  TailFile& file = *found->second;
  if (file.is_listed && file.is_at_path) return;  // as before, or a second name of it
  file.path = candidate.path;
  file.group = group;
  file.is_listed = true;
  file.is_at_path = true;
  has_moved_ = true;
  if (file.observe(candidate.status, now_ns_)) check_contents(file);
}

void TailSet::add(std::size_t group, const TailCandidate& candidate) {
  if (files_.size() >= options_.files_max) {
    log_warn("taildir.too_many_files", "file is not followed: maxFiles reached",
             {{"source", options_.source_name},
              {"file", candidate.path},
              {"maxFiles", options_.files_max}});
    return;
  }
  const FileId id = file_id(candidate.status);
  auto added = std::make_unique<TailFile>(id, candidate.path, group);
  TailFile& file = *added;
  file.observe(candidate.status, now_ns_);
  // Open from the start, so that no rotation can take it away before it is read.
  if (const auto opened = open(file); !opened.has_value()) {
    must_list_[group] = true;
    if (opened.error().code == Errc::kNotFound) return;  // rotated this very moment
    log_warn(
        "taildir.open_failed", "file cannot be opened; will try again",
        {{"source", options_.source_name}, {"file", candidate.path}, {"error", opened.error()}});
    return;
  }
  file.found_order = ++found_count_;
  files_.emplace(id, std::move(added));
  has_moved_ = true;
  const bool is_known = claim_position(file);
  if (!is_known && is_first_look_ && options_.skips_to_end) file.accept_until(file.size_bytes());
  file.extend_head();
}

void TailSet::follow_stray(std::size_t group, const TailCandidate& candidate) {
  const FileId id = file_id(candidate.status);
  const auto found = files_.find(id);
  auto added = std::make_unique<TailFile>(id, candidate.path, group);
  TailFile& file = found == files_.end() ? *added : *found->second;
  if (file.is_open()) return;  // a second name of a file that matches, too
  if (&file == added.get()) file.observe(candidate.status, now_ns_);
  const std::string listed_path = std::exchange(file.path, candidate.path);
  const bool is_ours =
      open(file).has_value() &&
      (&file == added.get() ? claim_position(file)
                            : file.has_same_head().has_value() && file.has_same_head().value());
  if (!is_ours) {
    close(file);
    file.path = listed_path;
    return;
  }
  file.is_listed = false;
  file.is_at_path = false;
  if (file.observe(candidate.status, now_ns_)) check_contents(file);
  log_info("taildir.found_rotated", "file left the pattern unread; reading its rest",
           {{"source", options_.source_name},
            {"file", candidate.path},
            {"offset", file.accepted_bytes()},
            {"size", file.size_bytes()}});
  if (found == files_.end()) {
    file.found_order = ++found_count_;
    files_.emplace(id, std::move(added));
  }
  has_moved_ = true;
}

bool TailSet::claim_position(TailFile& file) {
  const auto [begin, end] = orphans_.equal_range(file.id().inode);
  for (auto at = begin; at != end; ++at) {
    const TailPosition position = at->second;
    if (!is_position_of(position, file)) continue;
    orphans_.erase(at);
    file.resume_at(position.offset_bytes, position.head);
    return true;
  }
  return false;
}

bool TailSet::is_position_of(const TailPosition& position, const TailFile& file) const {
  if (position.offset_bytes > file.size_bytes()) return false;
  if (position.head.size_bytes > 0) {
    const auto is_same = file.has_head(position.head);
    return is_same.has_value() && is_same.value();
  }
  // Flume's: what it knows is the inode, which may be another file's by now.
  return position.path == file.path || is_behind_newline(file, position.offset_bytes);
}

std::vector<TailFile*> TailSet::readable() const {
  std::vector<TailFile*> files;
  for (const auto& [id, file] : files_) {
    const bool is_held = file->size_bytes() == file->held_at_bytes && !is_idle(*file);
    const bool is_reachable = file->is_open() || file->is_at_path;
    if (file->has_unread() && is_reachable && !is_held) files.push_back(file.get());
  }
  std::sort(files.begin(), files.end(), [](const TailFile* a, const TailFile* b) {
    if (a->is_listed != b->is_listed) return b->is_listed;
    return a->change_order() < b->change_order();
  });
  return files;
}

bool TailSet::is_idle(const TailFile& file) const {
  return now_ns_ - file.changed_at_ns() >= options_.idle_timeout_ns;
}

Result<void> TailSet::open(TailFile& file) {
  if (file.is_open()) return {};
  if (open_count_.load() >= options_.open_files_max) close_some();
  TRY(file.open());
  open_count_.fetch_add(1);
  return {};
}

std::vector<TailPosition> TailSet::positions() const {
  std::vector<TailPosition> positions;
  positions.reserve(files_.size() + orphans_.size());
  for (const auto& [id, file] : files_) positions.push_back(file->position());
  for (const auto& [inode, position] : orphans_) positions.push_back(position);
  std::sort(positions.begin(), positions.end(),
            [](const TailPosition& a, const TailPosition& b) { return a.path < b.path; });
  return positions;
}

std::vector<FileId> TailSet::file_ids() const {
  std::vector<FileId> ids;
  ids.reserve(files_.size());
  for (const auto& entry : files_) ids.push_back(entry.first);
  return ids;
}

// Files that left the pattern are kept as long as somebody may still write to them.
void TailSet::forget_finished() {
  for (auto at = files_.begin(); at != files_.end();) {
    TailFile& file = *at->second;
    const bool is_finished = file.is_open() ? !file.has_unread() && is_idle(file) : true;
    if (file.is_listed || !is_finished) {
      ++at;
      continue;
    }
    if (file.has_unread()) {
      log_error("taildir.lines_lost",
                "file disappeared while it was closed and not read to its end",
                {{"source", options_.source_name},
                 {"file", file.path},
                 {"bytes", file.size_bytes() - file.accepted_bytes()}});
    }
    close(file);
    at = files_.erase(at);
    has_moved_ = true;
  }
}

// Positions of files that are not where they could be. While a directory cannot be listed, or a
// file in it not opened, they are only out of sight.
void TailSet::forget_orphans() {
  for (auto at = orphans_.begin(); at != orphans_.end();) {
    const auto directory = std::filesystem::path(at->second.path).parent_path();
    bool is_waiting = false;
    for (std::size_t group = 0; group < groups_.size(); ++group) {
      const bool is_out_of_sight = !was_listed_[group] || must_list_[group];
      is_waiting |= is_out_of_sight && directory == groups_[group].directory();
    }
    if (is_waiting) {
      ++at;
      continue;
    }
    log_info("taildir.position_dropped", "file of an earlier run is gone",
             {{"source", options_.source_name},
              {"file", at->second.path},
              {"inode", at->second.inode},
              {"offset", at->second.offset_bytes}});
    at = orphans_.erase(at);
    has_moved_ = true;
  }
}

void TailSet::close(TailFile& file) {
  if (!file.is_open()) return;
  file.close();
  open_count_.fetch_sub(1);
}

// A quarter at once, so that following more files than may be open does not sort them every time.
// Files that are no longer at their path stay open: there is no other way to them.
void TailSet::close_some() {
  std::vector<TailFile*> open;
  for (const auto& [id, file] : files_) {
    if (file->is_open() && file->is_listed && file->is_at_path) open.push_back(file.get());
  }
  std::sort(open.begin(), open.end(), [](const TailFile* a, const TailFile* b) {
    if (a->has_unread() != b->has_unread()) return b->has_unread();
    return a->change_order() < b->change_order();
  });
  open.resize((open.size() + 3) / 4);
  for (TailFile* const file : open) close(*file);
}

void TailSet::count() {
  std::uint64_t unread = 0;
  for (const auto& [id, file] : files_) {
    if (file->has_unread()) unread += file->size_bytes() - file->accepted_bytes();
  }
  file_count_.store(files_.size());
  unread_bytes_.store(unread);
}

}  // namespace spillway::agent
