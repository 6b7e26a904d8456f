#include "wal/io/posix_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "wal/io/os_error.h"
#include "wal/io/posix_directory.h"
#include "wal/io/sync_directory.h"
#include "wal/io/uring_write_queue.h"

namespace spillway::io {
namespace {

constexpr mode_t kDirectoryMode = 0750;

Result<void> make_directory(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0) {
    if (errno == EEXIST) return {};  // whoever opens it sees if it is no directory
    const std::filesystem::path parent = path.parent_path();
    if (errno != ENOENT || parent.empty() || parent == path) {
      return os_error(errno, "cannot create directory");
    }
    TRY(make_directory(parent));
    if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return os_error(errno, "cannot create directory");
    }
  }
  // Without this a power loss may take the new directory with everything synced inside it.
  return sync_directory(path.has_parent_path() ? path.parent_path().string() : ".");
}

}  // namespace

Result<std::unique_ptr<Directory>> PosixFileSystem::open_directory(const std::string& path,
                                                                   Missing missing) {
  if (missing == Missing::kCreate) {
    std::filesystem::path target = std::filesystem::path(path).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();  // trailing slash
    TRY(make_directory(target));
  }
  return PosixDirectory::open_path(path);
}

Result<std::unique_ptr<WriteQueue>> PosixFileSystem::open_write_queue(std::size_t depth,
                                                                      Durability durability) {
  return UringWriteQueue::create(depth, durability);
}

}  // namespace spillway::io
