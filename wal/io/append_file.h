// A file that only grows: output for people and other programs. The log has its own files.
//
// Owns the descriptor and knows how much of the file is whole. When to start another file is the
// caller's business. One thread at a time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "wal/base/bytes.h"
#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::io {

class AppendFile {
 public:
  static constexpr ::mode_t kFileMode = 0644;

  /// Not open; is_open() is false.
  AppendFile() = default;

  /// Creates `path`. kExists rather than touching what is already there.
  static Result<AppendFile> create(const std::string& path, ::mode_t mode = kFileMode);

  /// The same for `name` in the open directory `directory`.
  static Result<AppendFile> create_at(int directory, const std::string& name,
                                      ::mode_t mode = kFileMode);

  /// Continues after what `path` holds; creates it when it is missing.
  static Result<AppendFile> open(const std::string& path);

  /// Appends all of `bytes`, which then survive the process but not the machine. After an error
  /// size_bytes() is unchanged while the file may hold a part of them: call cut() before the next
  /// append, or the two run together.
  Result<void> append(ByteSpan bytes);

  /// Removes what a failed append() left behind.
  Result<void> cut();

  /// Removes everything behind the first `size_bytes`, which must not be more than there is.
  Result<void> cut_to(std::uint64_t size_bytes);

  /// Blocks until everything appended is on stable storage (fdatasync).
  Result<void> sync();

  void close() { fd_.reset(); }

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }

  /// Bytes of the file up to the last successful append.
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  AppendFile(OwnedFd fd, std::uint64_t size_bytes) : fd_(std::move(fd)), size_bytes_(size_bytes) {}

  OwnedFd fd_;
  std::uint64_t size_bytes_ = 0;
};

}  // namespace spillway::io
