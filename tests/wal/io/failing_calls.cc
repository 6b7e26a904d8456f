#include "tests/wal/io/failing_calls.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <liburing.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string_view>

namespace spillway::test {
namespace {

struct Plan {
  std::uint64_t number = 0;  // 0: none
  const char* name = "";
  int os_error = 0;
  bool is_once = false;
  bool hides_types = false;
};

// Plain data: the first calls come before any constructor has run.
constinit Plan plan;
constinit std::uint64_t call_count = 0;
constinit const char* failed = "";

std::string& failing_name() {
  static std::string name;
  return name;
}

bool is_failing(const char* name) {
  ++call_count;
  if (call_count != plan.number && std::string_view(plan.name) != name) return false;
  failed = name;
  if (plan.is_once) plan.name = "";
  errno = plan.os_error;
  return true;
}

void start(const Plan& next) {
  call_count = 0;
  failed = "";
  plan = next;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

void fail_library_call(std::uint64_t number, int os_error) {
  start({.number = number, .os_error = os_error});
}

void fail_library_calls_of(const std::string& name, int os_error) {
  failing_name() = name;
  start({.name = failing_name().c_str(), .os_error = os_error});
}

void fail_first_library_call_of(const std::string& name, int os_error) {
  failing_name() = name;
  start({.name = failing_name().c_str(), .os_error = os_error, .is_once = true});
}

void hide_types() {
  start({.hides_types = true});
}

void let_library_calls_work() {
  start({});
}

std::string failed_library_call() {
  return failed;
}

}  // namespace spillway::test

using spillway::test::is_failing;
using spillway::test::real;

// With _FILE_OFFSET_BITS=64 the headers give these names to the 64-bit functions.
extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (is_failing("open")) return -1;
  return real<int(const char*, int, ...)>("open64")(path, flags, mode);
}

int openat(int directory, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (is_failing("openat")) return -1;
  return real<int(int, const char*, int, ...)>("openat64")(directory, path, flags, mode);
}

int fcntl(int fd, int command, ...) {
  std::va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (is_failing("fcntl")) return -1;
  return real<int(int, int, ...)>("fcntl64")(fd, command, argument);
}

ssize_t pread(int fd, void* bytes, size_t size, off_t offset) {
  if (is_failing("pread")) return -1;
  return real<ssize_t(int, void*, size_t, off_t)>("pread64")(fd, bytes, size, offset);
}

ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
  if (is_failing("pwritev2")) return -1;
  return real<ssize_t(int, const iovec*, int, off_t, int)>("pwritev64v2")(fd, parts, count, offset,
                                                                          flags);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  if (is_failing("write")) return -1;
  return real<ssize_t(int, const void*, size_t)>("write")(fd, bytes, size);
}

int fsync(int fd) {
  if (is_failing("fsync")) return -1;
  return real<int(int)>("fsync")(fd);
}

int fdatasync(int fd) {
  if (is_failing("fdatasync")) return -1;
  return real<int(int)>("fdatasync")(fd);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
  if (is_failing("fallocate")) return -1;
  return real<int(int, int, off_t, off_t)>("fallocate64")(fd, mode, offset, size);
}

int ftruncate(int fd, off_t size) noexcept {
  if (is_failing("ftruncate")) return -1;
  return real<int(int, off_t)>("ftruncate64")(fd, size);
}

int fstat(int fd, struct stat* status) noexcept {
  if (is_failing("fstat")) return -1;
  return real<int(int, struct stat*)>("fstat64")(fd, status);
}

int fstatat(int directory, const char* path, struct stat* status, int flags) noexcept {
  if (is_failing("fstatat")) return -1;
  return real<int(int, const char*, struct stat*, int)>("fstatat64")(directory, path, status,
                                                                     flags);
}

int fstatfs(int fd, struct statfs* status) noexcept {
  if (is_failing("fstatfs")) return -1;
  return real<int(int, struct statfs*)>("fstatfs64")(fd, status);
}

int fstatvfs(int fd, struct statvfs* status) noexcept {
  if (is_failing("fstatvfs")) return -1;
  return real<int(int, struct statvfs*)>("fstatvfs64")(fd, status);
}

int fchmod(int fd, mode_t mode) noexcept {
  if (is_failing("fchmod")) return -1;
  return real<int(int, mode_t)>("fchmod")(fd, mode);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (is_failing("mkdir")) return -1;
  return real<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  if (is_failing("unlinkat")) return -1;
  return real<int(int, const char*, int)>("unlinkat")(directory, path, flags);
}

int rename(const char* from, const char* to) noexcept {
  if (is_failing("rename")) return -1;
  return real<int(const char*, const char*)>("rename")(from, to);
}

int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
  if (is_failing("renameat2")) return -1;
  return real<int(int, const char*, int, const char*, unsigned)>("renameat2")(
      from_directory, from, to_directory, to, flags);
}

int eventfd(unsigned value, int flags) noexcept {
  if (is_failing("eventfd")) return -1;
  return real<int(unsigned, int)>("eventfd")(value, flags);
}

// liburing's functions return the error.

int io_uring_queue_init(unsigned entries, io_uring* ring, unsigned flags) {
  if (is_failing("io_uring_queue_init")) return -errno;
  return real<int(unsigned, io_uring*, unsigned)>("io_uring_queue_init")(entries, ring, flags);
}

io_uring_probe* io_uring_get_probe_ring(io_uring* ring) {
  if (is_failing("io_uring_get_probe_ring")) return nullptr;
  return real<io_uring_probe*(io_uring*)>("io_uring_get_probe_ring")(ring);
}

int io_uring_submit(io_uring* ring) {
  if (is_failing("io_uring_submit")) return -errno;
  return real<int(io_uring*)>("io_uring_submit")(ring);
}

int io_uring_submit_and_wait(io_uring* ring, unsigned count) {
  if (is_failing("io_uring_submit_and_wait")) return -errno;
  return real<int(io_uring*, unsigned)>("io_uring_submit_and_wait")(ring, count);
}

DIR* fdopendir(int fd) {
  if (is_failing("fdopendir")) return nullptr;
  return real<DIR*(int)>("fdopendir")(fd);
}

dirent* readdir(DIR* directory) {
  if (is_failing("readdir")) return nullptr;
  dirent* const entry = real<dirent*(DIR*)>("readdir64")(directory);
  if (entry != nullptr && spillway::test::plan.hides_types) entry->d_type = DT_UNKNOWN;
  return entry;
}

}  // extern "C"
