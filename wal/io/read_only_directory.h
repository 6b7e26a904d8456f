// A directory through which nothing can be changed: what the offline tools open.
//
// Every call that would write is refused here, and the files are open for reading only, so that the
// kernel refuses, too: looking at a crashed channel cannot make it worse.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wal/io/file.h"

namespace spillway::io {

/// Thread-safe. kUnsupported for open() in another mode than kRead, remove(), sync() and lock().
class ReadOnlyDirectory final : public Directory {
 public:
  /// `path` must exist. Works on read-only file systems and without write permission.
  static Result<std::unique_ptr<Directory>> open_path(const std::string& path);

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Result<std::vector<std::string>> list() override { return inner_->list(); }
  Result<void> remove(std::string_view name) override;
  Result<void> sync() override;
  Result<SpaceInfo> space() override { return inner_->space(); }
  Result<std::unique_ptr<DirectoryLock>> lock() override;
  [[nodiscard]] const std::string& path() const override { return inner_->path(); }

 private:
  explicit ReadOnlyDirectory(std::unique_ptr<Directory> inner) : inner_(std::move(inner)) {}

  const std::unique_ptr<Directory> inner_;
};

}  // namespace spillway::io
