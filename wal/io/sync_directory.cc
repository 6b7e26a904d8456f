#include "wal/io/sync_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"

namespace spillway::io {

Result<void> sync_directory(const std::string& path) {
  const OwnedFd fd(retry_interrupted(
      [&path] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.is_open()) return os_error(errno, "cannot open directory");
  if (retry_interrupted([&fd] { return ::fsync(fd.get()); }) != 0) {
    return os_error(errno, "cannot sync directory");
  }
  return {};
}

}  // namespace spillway::io
