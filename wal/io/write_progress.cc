#include "wal/io/write_progress.h"

#include "wal/base/check.h"
#include "wal/io/file.h"
#include "wal/io/os_error.h"

namespace spillway::io {
namespace {

// A device that answers this often without completing a block will not complete one.
constexpr int kFruitlessCountMax = 100;

}  // namespace

Result<bool> WriteProgress::account(std::int64_t kernel_result) {
  if (kernel_result < 0) {
    const int error = static_cast<int>(-kernel_result);
    if (error == EINTR || error == EAGAIN) return try_again(error);
    return os_error(error, "cannot write", offset_);
  }
  const auto written = static_cast<std::uint64_t>(kernel_result);
  CHECK(written <= rest_.size());
  if (written == rest_.size()) return true;
  if (written == 0) return os_error(EIO, "device accepted no bytes", offset_);

  const std::uint64_t whole = align_down(written, kBlockBytes);
  if (whole == 0) return try_again(EIO);
  fruitless_count_ = 0;
  offset_ += whole;
  rest_ = rest_.subspan(whole);
  return false;
}

Result<bool> WriteProgress::try_again(int error) {
  if (++fruitless_count_ < kFruitlessCountMax) return false;
  return os_error(error, "device completes no whole block", offset_);
}

}  // namespace spillway::io
