// Directory over the *at() system calls. Opened by PosixFileSystem; contract in wal/io/file.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wal/io/file.h"
#include "wal/io/owned_fd.h"

namespace spillway::io {

/// Thread-safe. Files are opened with O_DIRECT unless the file system refuses it, which is found
/// out once, by writing a block to an unnamed file, or else at the first open that fails.
class PosixDirectory final : public Directory {
 public:
  enum class Purpose : std::uint8_t {
    kReadWrite,
    kRead,  // the disk is left untouched: O_DIRECT is found out about at the first open
  };

  /// `path` must exist.
  static Result<std::unique_ptr<Directory>> open_path(const std::string& path,
                                                      Purpose purpose = Purpose::kReadWrite);

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override;
  Result<void> remove(std::string_view name) override;
  Result<void> sync() override;
  Result<SpaceInfo> space() override;
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  PosixDirectory(OwnedFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<void> detect_file_system(Purpose purpose);
  void probe_direct_io();
  Result<bool> is_regular_file(const std::string& name) const;

  const OwnedFd fd_;
  const std::string path_;
  bool is_copy_on_write_ = false;  // fixed after open_path
  bool is_memory_ = false;         // likewise

  std::atomic<bool> is_direct_{true};  // only ever goes to false
};

}  // namespace spillway::io
