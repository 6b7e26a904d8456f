#include "wal/io/read_only_directory.h"

#include <utility>

#include "wal/io/posix_directory.h"

namespace spillway::io {
namespace {

constexpr Error kRefused{.code = Errc::kUnsupported, .what = "directory is open for reading only"};

}  // namespace

Result<std::unique_ptr<Directory>> ReadOnlyDirectory::open_path(const std::string& path) {
  TRY_ASSIGN(auto inner, PosixDirectory::open_path(path, PosixDirectory::Purpose::kRead));
  return std::unique_ptr<Directory>(new ReadOnlyDirectory(std::move(inner)));
}

Result<std::unique_ptr<File>> ReadOnlyDirectory::open(std::string_view name, OpenMode mode) {
  if (mode != OpenMode::kRead) return kRefused;
  return inner_->open(name, mode);
}

Result<void> ReadOnlyDirectory::remove(std::string_view) {
  return kRefused;
}

Result<void> ReadOnlyDirectory::sync() {
  return kRefused;
}

Result<std::unique_ptr<DirectoryLock>> ReadOnlyDirectory::lock() {
  return kRefused;
}

}  // namespace spillway::io
