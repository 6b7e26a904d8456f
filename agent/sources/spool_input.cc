#include "agent/sources/spool_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "wal/base/check.h"
#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

}  // namespace

Result<SpoolInput> SpoolInput::open(const std::string& path) {
  // A pipe put there meanwhile must not hang the source.
  io::OwnedFd fd(io::retry_interrupted(
      [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); }));
  if (!fd.is_open()) return io::os_error(errno, "cannot open spooled file");
  SpoolInput input(std::move(fd));
  TRY_ASSIGN(const struct stat status, input.status());
  if (!S_ISREG(status.st_mode)) {
    return Error{.code = Errc::kUnsupported, .what = "not a regular file"};
  }
  return input;
}

Result<struct stat> SpoolInput::status() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return io::os_error(errno, "cannot read file status");
  return status;
}

void SpoolInput::seek(std::uint64_t offset) {
  offset_ = offset;
  begin_ = end_ = 0;
}

Result<std::string_view> SpoolInput::peek(std::size_t bytes) {
  if (end_ - begin_ < bytes) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    while (end_ < bytes) {
      // Grows with what is there, not with what was asked for.
      if (end_ == buffer_.size()) buffer_.resize(std::max(kReadBytes, 2 * buffer_.size()));
      const auto at = static_cast<::off_t>(offset_ + end_);
      const ssize_t count = io::retry_interrupted(
          [&] { return ::pread(fd_.get(), &buffer_[end_], buffer_.size() - end_, at); });
      if (count < 0) {
        return io::os_error(errno, "cannot read spooled file", offset_ + end_);
      }
      if (count == 0) break;
      end_ += static_cast<std::size_t>(count);
    }
  }
  return std::string_view(buffer_.data() + begin_, end_ - begin_);
}

void SpoolInput::skip(std::size_t bytes) {
  CHECK(bytes <= end_ - begin_);
  begin_ += bytes;
  offset_ += bytes;
}

}  // namespace spillway::agent
