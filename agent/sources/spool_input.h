// SpoolInput: a file that is read from front to back, in large pieces.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

/// Not thread-safe.
class SpoolInput {
 public:
  /// kUnsupported when `path` is no regular file.
  static Result<SpoolInput> open(const std::string& path);

  /// Status of the open file, whatever its name leads to by now.
  [[nodiscard]] Result<struct stat> status() const;

  /// Where reading goes on.
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  void seek(std::uint64_t offset);

  /// What lies at offset(): at least `bytes` of it, fewer only at the end of the file. Dies with
  /// the next call.
  Result<std::string_view> peek(std::size_t bytes);

  /// Moves on by at most what peek() has shown.
  void skip(std::size_t bytes);

 private:
  explicit SpoolInput(io::OwnedFd fd) : fd_(std::move(fd)) {}

  io::OwnedFd fd_;
  std::uint64_t offset_ = 0;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // offset_ in buffer_
  std::size_t end_ = 0;    // of what is valid in buffer_
};

}  // namespace spillway::agent
