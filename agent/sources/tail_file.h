// TailFile: one file that is followed, known by its inode rather than by its name.
//
// Keeps how far its contents were accepted, and the fingerprint that tells whether they are still
// the contents that were read. Who opens it and when is TailSet's business.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <utility>

#include "agent/sources/tail_positions.h"
#include "wal/base/bytes.h"
#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  friend bool operator==(const FileId&, const FileId&) = default;
};

struct FileIdHash {
  std::size_t operator()(const FileId& id) const {
    return std::hash<std::uint64_t>()(id.inode * 31 + id.device);
  }
};

FileId file_id(const struct stat& status);

/// The status of the regular file `path` leads to, links followed; kNotFound when there is none,
/// kUnsupported when it is something else.
Result<struct stat> status_of_file(const std::string& path);

/// Not thread-safe.
class TailFile {
 public:
  TailFile(FileId id, std::string found_path, std::size_t found_group)
      : path(std::move(found_path)), group(found_group), id_(id) {}

  [[nodiscard]] const FileId& id() const { return id_; }
  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] std::uint64_t accepted_bytes() const { return accepted_bytes_; }
  [[nodiscard]] std::uint64_t changed_at_ns() const { return changed_at_ns_; }
  [[nodiscard]] bool has_unread() const { return size_bytes_ > accepted_bytes_; }
  [[nodiscard]] const TailHead& head() const { return head_; }
  [[nodiscard]] TailPosition position() const;

  /// Sorts by the kernel's time of the last change, which moves every few milliseconds only: of
  /// files changed in one tick, the one that was found first is the older one.
  [[nodiscard]] std::tuple<std::int64_t, std::int64_t, std::uint64_t> change_order() const {
    return {changed_s_, changed_ns_, found_order};
  }

  /// Opens `path`; kNotFound when it no longer leads to this file.
  Result<void> open();
  void close() { fd_.reset(); }

  /// Status of the open file.
  Result<struct stat> status() const;

  /// Reads up to `bytes.size()` at `offset`; fewer only at the end of the file.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) const;

  /// Takes over size and time of change; has the file changed since the last call?
  bool observe(const struct stat& status, std::uint64_t now_ns);

  /// Does the file begin with those bytes, with those it began with before? Must be open.
  [[nodiscard]] Result<bool> has_head(const TailHead& head) const;
  [[nodiscard]] Result<bool> has_same_head() const { return has_head(head_); }

  /// Everything before `offset` is accepted.
  void accept_until(std::uint64_t offset);

  /// Lets the fingerprint cover what is there by now, which does not change any more. Is there one
  /// for the first time? Must be open.
  bool extend_head();

  /// Goes on at `offset` of contents that `head` identifies: after a restart, or with 0 when the
  /// file turned out to hold other contents.
  void resume_at(std::uint64_t offset, const TailHead& head);

  std::string path;   // the last known
  std::size_t group;  // index of the file group it was found in
  std::uint64_t found_order = 0;

  bool is_listed = true;   // still matches a group's pattern
  bool is_at_path = true;  // `path` led to this file at the last look

  std::uint64_t next_offset = 0;         // behind the lines of the transaction being collected
  std::uint64_t split_end = UINT64_MAX;  // where an unterminated line was given up waiting for
  std::uint64_t held_at_bytes = 0;       // size at which what is unread was no whole line
  std::uint64_t batches_in_round = 0;

 private:
  [[nodiscard]] Result<std::uint64_t> hash_of_first(std::uint64_t size_bytes) const;

  const FileId id_;
  io::OwnedFd fd_;
  std::uint64_t size_bytes_ = 0;
  std::uint64_t accepted_bytes_ = 0;
  std::uint64_t changed_at_ns_ = 0;
  std::int64_t changed_s_ = -1;  // the kernel's time of the last change
  std::int64_t changed_ns_ = -1;
  TailHead head_;
};

}  // namespace spillway::agent
