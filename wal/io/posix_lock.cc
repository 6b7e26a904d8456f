#include "wal/io/posix_lock.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/base/mutex.h"
#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"

namespace spillway::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kRetryFor{250};
constexpr milliseconds kRetryEvery{10};
constexpr mode_t kFileMode = 0640;

using DirectoryId = std::pair<dev_t, ino_t>;

// POSIX locks belong to the process: a second fcntl here would succeed, and closing any descriptor
// of the lock file would drop the lock. So the file is never opened while this process holds it.
class HeldDirectories {
 public:
  bool add(const DirectoryId& id) {
    const MutexLock guard(mutex_);
    return held_.insert(id).second;
  }
  void remove(const DirectoryId& id) {
    const MutexLock guard(mutex_);
    CHECK(held_.erase(id) == 1);
  }
  bool contains(const DirectoryId& id) {
    const MutexLock guard(mutex_);
    return held_.contains(id);
  }

 private:
  Mutex mutex_;
  std::set<DirectoryId> held_ GUARDED_BY(mutex_);
};

HeldDirectories& held_directories() {
  static HeldDirectories held;
  return held;
}

class PosixDirectoryLock final : public DirectoryLock {
 public:
  explicit PosixDirectoryLock(DirectoryId id) : id_(std::move(id)) {}
  ~PosixDirectoryLock() override {
    fd_.reset();  // before another thread may open the file
    held_directories().remove(id_);
  }

  void keep(OwnedFd fd) { fd_ = std::move(fd); }

 private:
  const DirectoryId id_;
  OwnedFd fd_;
};

struct flock whole_file() {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;  // l_len 0: to the end, however far that is
}

// Someone may have deleted the file between our open and our lock, and a lock on a file without
// a name keeps nobody out.
bool is_still_named(int directory_fd, int lock_fd) {
  struct stat by_name {};
  struct stat by_fd {};
  return ::fstatat(directory_fd, kLockFileName, &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
         ::fstat(lock_fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
         by_name.st_dev == by_fd.st_dev;
}

// One attempt. kLocked: another process holds it, or the file was replaced under us.
Result<OwnedFd> try_lock(int directory_fd) {
  OwnedFd fd(retry_interrupted([directory_fd] {
    return ::openat(directory_fd, kLockFileName, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                    kFileMode);
  }));
  if (!fd.is_open()) return os_error(errno, "cannot open in_use.lock");
  struct flock range = whole_file();
  if (retry_interrupted([&] { return ::fcntl(fd.get(), F_SETLK, &range); }) != 0) {
    if (errno != EACCES && errno != EAGAIN) return os_error(errno, "cannot lock in_use.lock");
    return Error{.code = Errc::kLocked, .os_error = errno, .what = "directory is in use"};
  }
  if (!is_still_named(directory_fd, fd.get())) {
    return Error{.code = Errc::kLocked, .what = "in_use.lock was replaced"};
  }
  return fd;
}

void log_owner(const std::string& path) {
  const auto owner = lock_owner(path);
  const std::int64_t pid = owner.has_value() ? owner.value().value_or(0) : 0;
  log_warn("io.directory_locked", "another process uses the directory",
           {{"path", path}, {"pid", pid}});
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> lock_directory(int directory_fd, const std::string& path) {
  struct stat status {};
  if (::fstat(directory_fd, &status) != 0) return os_error(errno, "cannot stat directory");
  const DirectoryId id{status.st_dev, status.st_ino};
  if (!held_directories().add(id)) {
    return Error{.code = Errc::kLocked, .what = "directory is in use by this process"};
  }
  auto lock = std::make_unique<PosixDirectoryLock>(id);

  const auto deadline = steady_clock::now() + kRetryFor;
  while (true) {
    auto fd = try_lock(directory_fd);
    if (fd.has_value()) {
      lock->keep(std::move(fd.value()));
      return {std::move(lock)};
    }
    if (fd.error().code != Errc::kLocked) return fd.error();
    if (steady_clock::now() >= deadline) {
      log_owner(path);
      return fd.error();
    }
    std::this_thread::sleep_for(kRetryEvery);
  }
}

Result<std::optional<std::int64_t>> lock_owner(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return os_error(errno, "cannot stat directory");
  // Opening the file here would drop our own lock at its close.
  if (held_directories().contains({status.st_dev, status.st_ino})) {
    return std::optional<std::int64_t>(::getpid());
  }
  const std::string name = path + "/" + kLockFileName;
  const OwnedFd fd(retry_interrupted(
      [&name] { return ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); }));
  if (!fd.is_open() && errno == ENOENT) return std::optional<std::int64_t>();
  if (!fd.is_open()) return os_error(errno, "cannot open in_use.lock");
  struct flock range = whole_file();
  if (retry_interrupted([&] { return ::fcntl(fd.get(), F_GETLK, &range); }) != 0) {
    return os_error(errno, "cannot test in_use.lock");
  }
  if (range.l_type == F_UNLCK) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(range.l_pid > 0 ? range.l_pid : 0);
}

}  // namespace spillway::io
