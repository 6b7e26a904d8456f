#include "wal/io/aligned_buffer.h"

#include <sys/mman.h>

#include <cstring>
#include <utility>

#include "wal/base/check.h"
#include "wal/io/file.h"

namespace spillway::io {
namespace {

constexpr std::size_t kHugePageBytes = 2 * kMiB;

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes, PageAdvice advice)
    : size_(align_up(bytes, kBlockBytes)) {
  if (size_ == 0) return;
  const bool is_huge = advice == PageAdvice::kHuge && size_ >= kHugePageBytes;
  const std::size_t alignment = is_huge ? kHugePageBytes : kBlockBytes;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, align_up(size_, alignment))));
  CHECK(memory_ != nullptr);
  // Before the first touch, or the pages are already small ones.
  if (is_huge) static_cast<void>(::madvise(memory_.get(), size_, MADV_HUGEPAGE));
  std::memset(memory_.get(), 0, size_);
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

}  // namespace spillway::io
