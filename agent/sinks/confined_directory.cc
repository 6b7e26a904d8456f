#include "agent/sinks/confined_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "agent/text_encoding.h"
#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kNameBytesMax = 255;
constexpr ::mode_t kDirectoryMode = 0755;
constexpr int kOpenFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

// Takes the first part off `path`.
std::string_view take_part(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view part = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return part;
}

}  // namespace

std::string confined_path(std::string_view path) {
  std::string confined;
  while (!path.empty()) {
    std::string_view part = take_part(path);
    if (part.empty()) continue;
    if (part == "." || part == "..") part = "_";
    if (!confined.empty()) confined += '/';
    confined += utf8_prefix(part, kNameBytesMax);
  }
  return confined;
}

Result<io::OwnedFd> open_confined(const std::string& root, std::string_view path) {
  io::OwnedFd directory(io::retry_interrupted([&] { return ::open(root.c_str(), kOpenFlags); }));
  if (!directory.is_open()) return io::os_error(errno, "cannot open output directory");
  while (!path.empty()) {
    const std::string name(take_part(path));
    if (::mkdirat(directory.get(), name.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return io::os_error(errno, "cannot create directory of output file");
    }
    io::OwnedFd next(io::retry_interrupted(
        [&] { return ::openat(directory.get(), name.c_str(), kOpenFlags | O_NOFOLLOW); }));
    if (!next.is_open()) return io::os_error(errno, "cannot open directory of output file");
    directory = std::move(next);
  }
  return directory;
}

}  // namespace spillway::agent
