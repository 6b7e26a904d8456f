#include "wal/io/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"
#include "wal/io/sync_directory.h"

namespace spillway::io {
namespace {

Result<void> write_all(int fd, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (count < 0) return os_error(errno, "cannot write temporary file");
    if (count == 0) return os_error(EIO, "cannot write temporary file");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> write_temporary(const std::string& temporary, const std::string& path,
                             ByteSpan contents, mode_t new_file_mode) {
  const OwnedFd fd(retry_interrupted([&] {
    return ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                  new_file_mode);
  }));
  if (!fd.is_open()) return os_error(errno, "cannot create temporary file");
  struct stat old_file {};
  if (::lstat(path.c_str(), &old_file) == 0 && S_ISREG(old_file.st_mode) &&
      ::fchmod(fd.get(), old_file.st_mode & ALLPERMS) != 0) {
    return os_error(errno, "cannot set permissions of temporary file");
  }
  TRY(write_all(fd.get(), contents));
  if (retry_interrupted([&fd] { return ::fsync(fd.get()); }) != 0) {
    return os_error(errno, "cannot sync temporary file");
  }
  return {};
}

}  // namespace

Result<void> replace_file(const std::string& path, ByteSpan contents, mode_t new_file_mode) {
  const std::string temporary = path + ".tmp";
  Result<void> outcome = write_temporary(temporary, path, contents, new_file_mode);
  if (outcome.has_value() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    outcome = os_error(errno, "cannot rename temporary file");
  }
  if (!outcome.has_value()) {
    static_cast<void>(::unlink(temporary.c_str()));
    return outcome;
  }
  const auto parent = std::filesystem::path(path).parent_path();
  return sync_directory(parent.empty() ? "." : parent.string());
}

}  // namespace spillway::io
