#include "wal/io/rename_new.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "wal/io/os_error.h"
#include "wal/io/sync_directory.h"

namespace spillway::io {
namespace {

constexpr Error kTakenError{.code = Errc::kExists, .os_error = EEXIST, .what = "cannot rename"};

Result<void> rename_if_free(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return kTakenError;
  if (errno != EINVAL && errno != ENOSYS) return os_error(errno, "cannot rename");
  // A file system without it (NFS): another process may take the name between these two calls.
  struct stat status {};
  if (::lstat(to.c_str(), &status) == 0) return kTakenError;
  if (std::rename(from.c_str(), to.c_str()) != 0) return os_error(errno, "cannot rename");
  return {};
}

}  // namespace

Result<void> rename_new(const std::string& from, const std::string& to) {
  TRY(rename_if_free(from, to));
  const auto parent = std::filesystem::path(to).parent_path();
  return sync_directory(parent.empty() ? "." : parent.string());
}

}  // namespace spillway::io
