#include "agent/sources/tail_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "wal/base/hash.h"
#include "wal/io/os_error.h"

namespace spillway::agent {

FileId file_id(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

Result<struct stat> status_of_file(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return io::os_error(errno, "cannot read file status");
  if (!S_ISREG(status.st_mode)) {
    return Error{.code = Errc::kUnsupported, .what = "not a regular file"};
  }
  return status;
}

TailPosition TailFile::position() const {
  return {.inode = id_.inode, .offset_bytes = accepted_bytes_, .path = path, .head = head_};
}

Result<void> TailFile::open() {
  // Non-blocking, should the name lead to a FIFO by now.
  io::OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.is_open()) return io::os_error(errno, "cannot open followed file");
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return io::os_error(errno, "cannot read file status");
  if (!S_ISREG(status.st_mode) || file_id(status) != id_) {
    return Error{.code = Errc::kNotFound, .what = "name leads to another file"};
  }
  fd_ = std::move(fd);
  return {};
}

Result<struct stat> TailFile::status() const {
  CHECK(is_open());
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return io::os_error(errno, "cannot read file status");
  return status;
}

Result<std::size_t> TailFile::read_at(std::uint64_t offset, MutableByteSpan bytes) const {
  CHECK(is_open());
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t count = ::pread(fd_.get(), bytes.data() + have, bytes.size() - have,
                                  static_cast<::off_t>(offset + have));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io::os_error(errno, "cannot read followed file");
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  return have;
}

bool TailFile::observe(const struct stat& status, std::uint64_t now_ns) {
  const auto size_bytes = static_cast<std::uint64_t>(status.st_size);
  const bool is_same = size_bytes == size_bytes_ && status.st_mtim.tv_sec == changed_s_ &&
                       status.st_mtim.tv_nsec == changed_ns_;
  if (is_same) return false;
  size_bytes_ = size_bytes;
  changed_s_ = status.st_mtim.tv_sec;
  changed_ns_ = status.st_mtim.tv_nsec;
  changed_at_ns_ = now_ns;
  return true;
}

Result<std::uint64_t> TailFile::hash_of_first(std::uint64_t size_bytes) const {
  CHECK(size_bytes <= TailHead::kBytesMax);
  std::array<std::byte, TailHead::kBytesMax> bytes;
  const MutableByteSpan wanted(bytes.data(), static_cast<std::size_t>(size_bytes));
  TRY_ASSIGN(const std::size_t count, read_at(0, wanted));
  if (count < size_bytes) return Error{.code = Errc::kNotFound, .what = "file is too short"};
  return xxh3_64(wanted, 0);
}

Result<bool> TailFile::has_head(const TailHead& head) const {
  if (head.size_bytes == 0) return true;
  const auto hash = hash_of_first(head.size_bytes);
  if (hash.has_value()) return hash.value() == head.hash;
  if (hash.error().code == Errc::kNotFound) return false;
  return hash.error();
}

void TailFile::accept_until(std::uint64_t offset) {
  CHECK(offset >= accepted_bytes_);
  accepted_bytes_ = offset;
  next_offset = offset;
}

bool TailFile::extend_head() {
  const std::uint64_t size_bytes = std::min(size_bytes_, TailHead::kBytesMax);
  if (size_bytes <= head_.size_bytes) return false;
  const auto hash = hash_of_first(size_bytes);
  // Unreadable or cut by now: the next look will notice, the shorter fingerprint still holds.
  if (!hash.has_value()) return false;
  const bool is_first = head_.size_bytes == 0;
  head_ = {.size_bytes = size_bytes, .hash = hash.value()};
  return is_first;
}

void TailFile::resume_at(std::uint64_t offset, const TailHead& head) {
  accepted_bytes_ = offset;
  next_offset = offset;
  head_ = head;
  split_end = UINT64_MAX;
  held_at_bytes = 0;
}

}  // namespace spillway::agent
