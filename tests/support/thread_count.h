// How many threads this process has, as the kernel counts them.
#pragma once

#include <filesystem>
#include <iterator>
#include <thread>

#include "tests/support/eventually.h"

namespace spillway::test {

inline int thread_count() {
  // A sanitizer starts a thread of its own with the first one of ours: that one must not count.
  static const bool has_had_a_thread = [] {
    std::thread([] {}).join();
    return true;
  }();
  static_cast<void>(has_had_a_thread);
  return static_cast<int>(std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                                        std::filesystem::directory_iterator()));
}

/// The count once it has come down to `expected`, or what it stays at: join() may return a moment
/// before the kernel forgets the thread.
inline int settled_thread_count(int expected) {
  eventually([expected] { return thread_count() <= expected; }, std::chrono::seconds(5));
  return thread_count();
}

}  // namespace spillway::test
