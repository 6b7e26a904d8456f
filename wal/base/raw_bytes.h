// RawBytes: bytes that grow without zeroing what is about to be overwritten.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "wal/base/bytes.h"

namespace spillway {

/// resize() leaves new bytes indeterminate: whoever grows it writes them before anybody reads. As
/// safe for threads as a std::vector. No vector with an allocator that does not initialise: g++ 12
/// copies the elements of such a one by one, and moves them so when it grows.
class RawBytes {
 public:
  RawBytes() = default;
  RawBytes(const RawBytes& other) {
    resize(other.size_);
    std::copy_n(other.data(), size_, data());
  }
  RawBytes(RawBytes&& other) noexcept { swap(other); }
  RawBytes& operator=(RawBytes other) noexcept {
    swap(other);
    return *this;
  }
  ~RawBytes() = default;

  [[nodiscard]] std::byte* data() { return bytes_.get(); }
  [[nodiscard]] const std::byte* data() const { return bytes_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] ByteSpan span() const { return {data(), size_}; }

  /// Keeps the memory when it shrinks.
  void resize(std::size_t size) {
    if (size > capacity_) grow(std::max(size, 2 * capacity_));
    size_ = size;
  }

 private:
  void grow(std::size_t capacity) {
    auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
    std::copy_n(data(), size_, larger.get());
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  void swap(RawBytes& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace spillway
