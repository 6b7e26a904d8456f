#include "wal/io/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "wal/base/check.h"
#include "wal/io/os_error.h"

namespace spillway::io {
namespace {

constexpr int kOpenFlags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;

}  // namespace

Result<AppendFile> AppendFile::create(const std::string& path, ::mode_t mode) {
  return create_at(AT_FDCWD, path, mode);
}

Result<AppendFile> AppendFile::create_at(int directory, const std::string& name, ::mode_t mode) {
  OwnedFd fd(retry_interrupted(
      [&] { return ::openat(directory, name.c_str(), kOpenFlags | O_EXCL, mode); }));
  if (!fd.is_open()) return os_error(errno, "cannot create output file");
  return AppendFile(std::move(fd), 0);
}

Result<AppendFile> AppendFile::open(const std::string& path) {
  OwnedFd fd(retry_interrupted([&] { return ::open(path.c_str(), kOpenFlags, kFileMode); }));
  if (!fd.is_open()) return os_error(errno, "cannot open output file");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return os_error(errno, "cannot read size of output file");
  return AppendFile(std::move(fd), static_cast<std::uint64_t>(status.st_size));
}

Result<void> AppendFile::append(ByteSpan bytes) {
  CHECK(is_open());
  ByteSpan rest = bytes;
  while (!rest.empty()) {
    const ssize_t written =
        retry_interrupted([&] { return ::write(fd_.get(), rest.data(), rest.size()); });
    if (written < 0) return os_error(errno, "cannot write output file");
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  size_bytes_ += bytes.size();
  return {};
}

Result<void> AppendFile::cut() {
  return cut_to(size_bytes_);
}

Result<void> AppendFile::cut_to(std::uint64_t size_bytes) {
  CHECK(is_open());
  CHECK(size_bytes <= size_bytes_);
  const auto size = static_cast<::off_t>(size_bytes);
  if (retry_interrupted([&] { return ::ftruncate(fd_.get(), size); }) != 0) {
    return os_error(errno, "cannot cut output file");
  }
  size_bytes_ = size_bytes;
  return {};
}

Result<void> AppendFile::sync() {
  CHECK(is_open());
  if (retry_interrupted([&] { return ::fdatasync(fd_.get()); }) == 0) return {};
  return os_error(errno, "cannot sync output file");
}

}  // namespace spillway::io
