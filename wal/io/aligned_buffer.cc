#include "wal/io/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/sanitizer.h"
#include "wal/io/file.h"

namespace spillway::io {
namespace {

constexpr std::size_t kHugePageBytes = 2 * kMiB;

// Mapping costs two system calls and a fault per page; below this they would show.
constexpr std::size_t kMappedBytesMin = 256 * kKiB;

// The memory of AddressSanitizer's allocator has guards around it.
constexpr bool kMayMap = !kHasAddressSanitizer;

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes, PageAdvice advice)
    : size_(align_up(bytes, kBlockBytes)) {
  if (size_ == 0) return;
  const bool is_huge = advice == PageAdvice::kHuge && size_ >= kHugePageBytes;
  const std::size_t alignment = is_huge ? kHugePageBytes : kBlockBytes;
  const bool is_mapped = kMayMap && size_ >= kMappedBytesMin;
  if (is_mapped) {
    memory_ = map(size_, alignment);
  } else {
    memory_.reset(
        static_cast<std::byte*>(std::aligned_alloc(alignment, align_up(size_, alignment))));
  }
  CHECK(memory_ != nullptr);
  // Before the first touch, or the pages are already small ones.
  if (is_huge) static_cast<void>(::madvise(memory_.get(), size_, MADV_HUGEPAGE));
  if (!is_mapped) std::memset(memory_.get(), 0, size_);
}

AlignedBuffer::Memory AlignedBuffer::map(std::size_t bytes, std::size_t alignment) {
  // The kernel aligns to pages; what is too much on either side goes back.
  const std::size_t slack = alignment > kBlockBytes ? alignment : 0;
  void* const mapped =
      ::mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(mapped != MAP_FAILED);
  auto* const first = static_cast<std::byte*>(mapped);
  const auto address = reinterpret_cast<std::uintptr_t>(first);
  const std::size_t before = slack == 0 ? 0 : align_up(address, alignment) - address;
  if (before > 0) CHECK(::munmap(first, before) == 0);
  if (before < slack) CHECK(::munmap(first + before + bytes, slack - before) == 0);
  return {first + before, FreeBuffer{.mapped_bytes = bytes}};
}

void FreeBuffer::operator()(std::byte* memory) const {
  if (mapped_bytes == 0) {
    std::free(memory);
  } else {
    CHECK(::munmap(memory, mapped_bytes) == 0);
  }
}

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

}  // namespace spillway::io
