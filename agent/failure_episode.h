// FailureEpisode: a run of failures, so that it is logged when it begins and when it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "wal/base/result.h"

namespace spillway::agent {

/// fail() and succeed() belong to one thread; length() may be read by any.
class FailureEpisode {
 public:
  /// True when this failure is worth a line: it begins the episode or has another code than the
  /// failure before it.
  bool fail(const Error& error) {
    length_.fetch_add(1, std::memory_order_relaxed);  // a gauge; nothing is ordered by it
    const bool is_news = last_code_ != error.code;
    last_code_ = error.code;
    return is_news;
  }

  /// Ends the episode and returns its length; 0 when there was none.
  std::uint64_t succeed() {
    last_code_.reset();
    return length_.load(std::memory_order_relaxed) == 0
               ? 0
               : length_.exchange(0, std::memory_order_relaxed);
  }

  [[nodiscard]] std::uint64_t length() const { return length_.load(std::memory_order_relaxed); }

 private:
  std::optional<Errc> last_code_;
  std::atomic<std::uint64_t> length_{0};
};

}  // namespace spillway::agent
