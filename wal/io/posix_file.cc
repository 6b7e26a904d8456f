#include "wal/io/posix_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "wal/base/check.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/os_error.h"
#include "wal/io/write_progress.h"

namespace spillway::io {
namespace {

constexpr std::size_t kZeroChunkBytes = kMiB;

void check_aligned(std::uint64_t offset, ByteSpan bytes) {
  CHECK(offset % kBlockBytes == 0);
  CHECK(bytes.size() % kBlockBytes == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(bytes.data()) % kBlockBytes == 0);
}

}  // namespace

Result<std::size_t> PosixFile::read_at(std::uint64_t offset, MutableByteSpan bytes) {
  if (is_direct_) check_aligned(offset, bytes);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto rest = bytes.subspan(done);
    const auto at = offset + done;
    const ssize_t count = retry_interrupted(
        [&] { return ::pread(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(at)); });
    if (count < 0) return os_error(errno, "cannot read", at);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
    // A direct read ends inside a block only at the end of the file, and could not go on there.
    if (is_direct_ && done % kBlockBytes != 0) break;
  }
  return done;
}

Result<void> PosixFile::write_at(std::uint64_t offset, ByteSpan bytes, Durability durability) {
  check_aligned(offset, bytes);
  if (bytes.empty()) return {};
  const int flags = durability == Durability::kDurable ? RWF_DSYNC : 0;
  WriteProgress progress(offset, bytes);
  while (true) {
    const ByteSpan rest = progress.rest();
    const iovec part{const_cast<std::byte*>(rest.data()), rest.size()};
    const ssize_t count =
        ::pwritev2(fd_.get(), &part, 1, static_cast<off_t>(progress.offset()), flags);
    TRY_ASSIGN(const bool is_complete, progress.account(count < 0 ? -errno : count));
    if (is_complete) return {};
  }
}

Result<void> PosixFile::sync() {
  if (retry_interrupted([this] { return ::fdatasync(fd_.get()); }) != 0) {
    return os_error(errno, "cannot sync file");
  }
  return {};
}

Result<std::uint64_t> PosixFile::size_bytes() {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return os_error(errno, "cannot stat file");
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> PosixFile::allocate(std::uint64_t size_bytes) {
  CHECK(size_bytes % kBlockBytes == 0);
  CHECK(size_bytes > 0);
  const int outcome = retry_interrupted(
      [&] { return ::fallocate(fd_.get(), 0, 0, static_cast<off_t>(size_bytes)); });
  if (outcome == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) {
    return write_zeros_until(size_bytes);  // rare: no_fallocate
  }
  return os_error(errno, "cannot allocate file space", size_bytes);
}

Result<void> PosixFile::truncate(std::uint64_t size_bytes) {
  CHECK(size_bytes % kBlockBytes == 0);
  TRY_ASSIGN(const std::uint64_t old_size_bytes, this->size_bytes());
  if (old_size_bytes <= size_bytes) return {};
  const int outcome =
      retry_interrupted([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size_bytes)); });
  if (outcome != 0) return os_error(errno, "cannot cut file", size_bytes);
  return {};
}

Result<void> PosixFile::write_zeros_until(std::uint64_t size_bytes) {
  TRY_ASSIGN(const std::uint64_t old_size_bytes, this->size_bytes());
  std::uint64_t at = align_up(old_size_bytes, kBlockBytes);
  const AlignedBuffer zeros(kZeroChunkBytes);
  while (at < size_bytes) {
    const std::uint64_t count = std::min<std::uint64_t>(size_bytes - at, zeros.size());
    TRY(write_at(at, zeros.span().first(count), Durability::kNone));
    at += count;
  }
  return {};
}

}  // namespace spillway::io
