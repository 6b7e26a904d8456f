// Memory for direct I/O: block-aligned, zeroed, owned by one object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "wal/base/bytes.h"

namespace spillway::io {

/// kHuge asks the kernel for huge pages: fewer TLB misses for buffers that live long and are
/// copied through often. It is advice and never fails.
enum class PageAdvice : std::uint8_t { kNormal, kHuge };

/// The deleter of AlignedBuffer.
struct FreeBuffer {
  std::size_t mapped_bytes = 0;  // 0: allocated
  void operator()(std::byte* memory) const;
};

/// Move-only; a moved-from buffer is empty. Not thread-safe.
///
/// Large buffers are mapped, not allocated: what is freed goes back to the system at once. An
/// allocator keeps it for the thread that had it, and a log whose backlog comes and goes would take
/// its cache once per thread.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;

  /// `bytes` is rounded up to kBlockBytes. The contents are zeros, so that padding written to disk
  /// never carries someone else's memory.
  explicit AlignedBuffer(std::size_t bytes, PageAdvice advice = PageAdvice::kNormal);

  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() = default;

  [[nodiscard]] std::byte* data() { return memory_.get(); }
  [[nodiscard]] const std::byte* data() const { return memory_.get(); }

  /// A multiple of kBlockBytes.
  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] MutableByteSpan span() { return {memory_.get(), size_}; }
  [[nodiscard]] ByteSpan span() const { return {memory_.get(), size_}; }

 private:
  using Memory = std::unique_ptr<std::byte, FreeBuffer>;

  static Memory map(std::size_t bytes, std::size_t alignment);

  Memory memory_;
  std::size_t size_ = 0;
};

}  // namespace spillway::io
