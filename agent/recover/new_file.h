// A file that an offline command writes: it has its name once it is complete and durable.
#pragma once

#include <string>

#include "wal/base/result.h"
#include "wal/io/append_file.h"

namespace spillway::agent::recover {

/// The name under which `path` grows.
std::string partial_name(const std::string& path);

/// One thread. Readable by nobody else than a channel's files are.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)) {}
  /// Removes what was written, unless it was published.
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  /// kExists: the partial file of another export is there.
  Result<void> create();

  /// What is to be written next is added here, and then flush()ed.
  [[nodiscard]] std::string& buffer() { return buffer_; }

  /// Writes the buffer if it is large.
  Result<void> flush_if_large();

  /// Writes the rest; durable when it returns.
  Result<void> sync();

  /// After sync(): gives the file its name. kExists: somebody has taken it.
  Result<void> publish();

  [[nodiscard]] std::uint64_t size_bytes() const { return file_.size_bytes() + buffer_.size(); }

 private:
  Result<void> flush();

  const std::string path_;
  io::AppendFile file_;
  std::string buffer_;
};

}  // namespace spillway::agent::recover
