// LogBurst: lets the first lines of an id through and counts the ones it holds back.
//
// Knows no format and no output; log.cc asks it before it writes a WARN or ERROR line.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "wal/base/mutex.h"

namespace spillway {

/// Thread-safe. Ids are the constants of our source, so the map does not grow with input.
class LogBurst {
 public:
  static constexpr std::uint64_t kLinesMax = 5;
  static constexpr std::uint64_t kWindowNs = 10'000'000'000;

  struct Admission {
    bool is_admitted = true;
    std::uint64_t suppressed = 0;  // lines of this id held back before this one
  };

  /// At most kLinesMax lines of `id` in each window; a window starts with its first line.
  /// `now_ns` is monotonic.
  Admission admit(std::string_view id, std::uint64_t now_ns) {
    const MutexLock lock(mutex_);
    auto found = windows_.find(id);
    if (found == windows_.end()) found = windows_.emplace(std::string(id), Window{}).first;
    Window& window = found->second;
    if (window.admitted == 0 || now_ns - window.start_ns >= kWindowNs) {
      const std::uint64_t suppressed = window.suppressed;
      window = {.start_ns = now_ns, .admitted = 1, .suppressed = 0};
      return {.is_admitted = true, .suppressed = suppressed};
    }
    if (window.admitted < kLinesMax) {
      ++window.admitted;
      return {};
    }
    ++window.suppressed;
    return {.is_admitted = false};
  }

 private:
  struct Window {
    std::uint64_t start_ns = 0;
    std::uint64_t admitted = 0;
    std::uint64_t suppressed = 0;
  };

  Mutex mutex_;
  std::map<std::string, Window, std::less<>> windows_ GUARDED_BY(mutex_);
};

}  // namespace spillway
