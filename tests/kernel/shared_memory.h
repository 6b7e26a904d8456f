// Memory that a process and those it forks have in common: it outlives each of them that is killed.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <span>

#include "wal/base/check.h"

namespace spillway::test {

/// `count` zeroed objects of a type without constructor or destructor of consequence. Takes memory
/// only where it is touched. Create it before the fork.
template <class T>
class SharedMemory {
 public:
  explicit SharedMemory(std::size_t count = 1) : count_(count) {
    memory_ = ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory_ != MAP_FAILED);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() { ::munmap(memory_, count_ * sizeof(T)); }

  /// All zero again.
  void clear() { CHECK(::madvise(memory_, count_ * sizeof(T), MADV_REMOVE) == 0); }

  T& operator*() const { return *data(); }
  T* operator->() const { return data(); }
  [[nodiscard]] T* data() const { return static_cast<T*>(memory_); }
  [[nodiscard]] std::span<T> all() const { return {data(), count_}; }

 private:
  std::size_t count_;
  void* memory_;
};

}  // namespace spillway::test
