// Which threads this process has got since, as the kernel counts them.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "tests/support/eventually.h"

namespace spillway::test {

/// Threads that were there at the construction never count: join() may return a moment before the
/// kernel forgets one.
class NewThreads {
 public:
  NewThreads() {
    // A sanitizer starts a thread of its own with the first one of ours: that one must not count.
    std::thread([] {}).join();
    known_ = ids();
  }

  [[nodiscard]] int count() const {
    int count = 0;
    for (const std::string& id : ids()) count += known_.contains(id) ? 0 : 1;
    return count;
  }

  /// The count once it has come down to 0, or what it stays at.
  [[nodiscard]] int settled_count() const {
    eventually([this] { return count() == 0; });
    return count();
  }

 private:
  static std::set<std::string> ids() {
    std::set<std::string> ids;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
      ids.insert(entry.path().filename());
    }
    return ids;
  }

  std::set<std::string> known_;
};

}  // namespace spillway::test
