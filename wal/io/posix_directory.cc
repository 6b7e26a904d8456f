#include "wal/io/posix_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/os_error.h"
#include "wal/io/posix_file.h"
#include "wal/io/posix_lock.h"

namespace spillway::io {
namespace {

// Not in <linux/magic.h>: out of tree, or newer than the headers we build with.
constexpr std::uint64_t kZfsMagic = 0x2FC12FC1;
constexpr std::uint64_t kBcachefsMagic = 0xCA451A4E;

// They keep files in the page cache only; newer kernels accept O_DIRECT there and ignore it.
constexpr std::array<std::uint64_t, 2> kMemoryFileSystems{TMPFS_MAGIC, RAMFS_MAGIC};
constexpr std::array<std::uint64_t, 3> kCopyOnWriteFileSystems{BTRFS_SUPER_MAGIC, kZfsMagic,
                                                               kBcachefsMagic};
constexpr mode_t kFileMode = 0640;

template <class Magics>
bool is_among(const Magics& magics, std::uint64_t magic) {
  return std::find(magics.begin(), magics.end(), magic) != magics.end();
}

std::string checked_name(std::string_view name) {
  CHECK(!name.empty());
  CHECK(name.find('/') == std::string_view::npos);
  return std::string(name);
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY | O_CLOEXEC;
    case OpenMode::kReadWrite:
      return O_RDWR | O_CLOEXEC;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  }
  CHECK(false);
}

// Linux keeps what it failed to write back as clean pages, and calls a later sync of them done.
// Read from there, they would pass for stored. Dropping clean pages shows what the device has.
Result<void> forget_cached(int fd) {
  if (retry_interrupted([fd] { return ::fdatasync(fd); }) != 0) {
    return os_error(errno, "cannot sync file");
  }
  static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));  // a RAM disk may refuse
  return {};
}

struct CloseDirectoryStream {
  void operator()(DIR* stream) const { static_cast<void>(::closedir(stream)); }
};

}  // namespace

Result<std::unique_ptr<Directory>> PosixDirectory::open_path(const std::string& path,
                                                             Purpose purpose) {
  OwnedFd fd(retry_interrupted(
      [&path] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.is_open()) return os_error(errno, "cannot open directory");
  std::unique_ptr<PosixDirectory> directory(new PosixDirectory(std::move(fd), path));
  TRY(directory->detect_file_system(purpose));
  return {std::move(directory)};
}

Result<void> PosixDirectory::detect_file_system(Purpose purpose) {
  struct statfs info {};
  if (retry_interrupted([&] { return ::fstatfs(fd_.get(), &info); }) != 0) {
    return os_error(errno, "cannot tell the file system");
  }
  const auto magic = static_cast<std::uint32_t>(info.f_type);
  is_copy_on_write_ = is_among(kCopyOnWriteFileSystems, magic);
  is_memory_ = is_among(kMemoryFileSystems, magic);
  if (is_memory_) {
    is_direct_ = false;
  } else if (purpose == Purpose::kReadWrite) {
    probe_direct_io();
  }
  if (!is_direct_ && purpose == Purpose::kReadWrite) {
    log_warn("io.no_direct_io", "the file system takes no direct I/O; writes are buffered",
             {{"path", path_}});
  }
  return {};
}

void PosixDirectory::probe_direct_io() {
  const OwnedFd fd(retry_interrupted([this] {
    return ::openat(fd_.get(), ".", O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, kFileMode);
  }));
  if (!fd.is_open()) {
    // Other errors (read-only, no O_TMPFILE) say nothing about O_DIRECT: open() finds out.
    if (errno == EINVAL) is_direct_ = false;
    return;
  }
  const AlignedBuffer block(kBlockBytes);
  const ssize_t count = retry_interrupted(
      [&] { return ::pwrite(fd.get(), block.data(), block.size(), /*offset=*/0); });
  if (count < 0 && errno == EINVAL) is_direct_ = false;  // e.g. sectors larger than a block
}

Result<bool> PosixDirectory::is_regular_file(const std::string& name) const {
  struct stat status {};
  if (::fstatat(fd_.get(), name.c_str(), &status, 0) != 0) {
    return os_error(errno, "cannot stat file");
  }
  return S_ISREG(status.st_mode);
}

Result<std::unique_ptr<File>> PosixDirectory::open(std::string_view name, OpenMode mode) {
  const std::string file_name = checked_name(name);
  if (mode != OpenMode::kCreate) {
    // Before the open: opening a FIFO would block for ever.
    TRY_ASSIGN(const bool is_regular, is_regular_file(file_name));
    if (!is_regular) return Error{.code = Errc::kUnsupported, .what = "not a regular file"};
  }
  const auto try_open = [&](int extra_flags) {
    const auto open_for = [&](OpenMode use) {
      return OwnedFd(retry_interrupted([&] {
        return ::openat(fd_.get(), file_name.c_str(), flags_of(use) | extra_flags, kFileMode);
      }));
    };
    OwnedFd fd = open_for(mode);
    // A file system that met an error (ext4: errors=remount-ro) can still be read.
    const bool is_read_only = !fd.is_open() && errno == EROFS && mode == OpenMode::kReadWrite;
    return is_read_only ? open_for(OpenMode::kRead) : std::move(fd);
  };
  if (is_direct_) {
    OwnedFd fd = try_open(O_DIRECT);
    if (fd.is_open()) return {std::make_unique<PosixFile>(std::move(fd), /*is_direct=*/true)};
    if (errno != EINVAL) return os_error(errno, "cannot open file");
    is_direct_ = false;
    // open(2) creates the file before it finds O_DIRECT unsupported on some file systems.
    if (mode == OpenMode::kCreate) static_cast<void>(::unlinkat(fd_.get(), file_name.c_str(), 0));
  }
  OwnedFd fd = try_open(0);
  if (!fd.is_open()) return os_error(errno, "cannot open file");
  if (mode == OpenMode::kReadWrite) TRY(forget_cached(fd.get()));
  return {std::make_unique<PosixFile>(std::move(fd), /*is_direct=*/false)};
}

Result<std::vector<std::string>> PosixDirectory::list() {
  OwnedFd fd(retry_interrupted(
      [this] { return ::openat(fd_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.is_open()) return os_error(errno, "cannot open directory");
  const std::unique_ptr<DIR, CloseDirectoryStream> stream(::fdopendir(fd.get()));
  if (stream == nullptr) return os_error(errno, "cannot read directory");
  static_cast<void>(fd.release());  // the stream owns it

  std::vector<std::string> names;
  while (true) {
    errno = 0;
    // The stream belongs to this call: readdir shares nothing.
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    const dirent* const entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (entry->d_type == DT_REG) {
      names.emplace_back(entry->d_name);
    } else if (entry->d_type == DT_UNKNOWN) {
      struct stat status {};
      const int outcome = ::fstatat(fd_.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW);
      if (outcome == 0 && S_ISREG(status.st_mode)) names.emplace_back(entry->d_name);
    }
  }
  if (errno != 0) return os_error(errno, "cannot read directory");
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> PosixDirectory::remove(std::string_view name) {
  const std::string file_name = checked_name(name);
  if (::unlinkat(fd_.get(), file_name.c_str(), 0) != 0) {
    return os_error(errno, "cannot remove file");
  }
  return {};
}

Result<void> PosixDirectory::sync() {
  if (retry_interrupted([this] { return ::fsync(fd_.get()); }) != 0) {
    return os_error(errno, "cannot sync directory");
  }
  return {};
}

Result<SpaceInfo> PosixDirectory::space() {
  struct statvfs info {};
  if (retry_interrupted([&] { return ::fstatvfs(fd_.get(), &info); }) != 0) {
    return os_error(errno, "cannot tell the free space");
  }
  return SpaceInfo{.free_bytes = info.f_bavail * info.f_frsize,
                   .total_bytes = info.f_blocks * info.f_frsize,
                   .is_direct = is_direct_,
                   .is_copy_on_write = is_copy_on_write_,
                   .is_memory = is_memory_};
}

Result<std::unique_ptr<DirectoryLock>> PosixDirectory::lock() {
  return lock_directory(fd_.get(), path_);
}

}  // namespace spillway::io
