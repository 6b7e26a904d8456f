// How far a long command is: a bar for people, a few lines for a log file.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "wal/base/clock.h"
#include "wal/base/mutex.h"

namespace spillway::agent::recover {

/// add() is thread-safe; finish() comes after the last of them.
class Progress {
 public:
  enum class Style : std::uint8_t {
    kNone,
    kBar,    // a terminal: one line, drawn over again
    kLines,  // a pipe: at most one line per second and per 10 %
  };

  struct Display {
    std::FILE* stream = stderr;
    Style style = Style::kNone;
    std::string_view command = {};  // begins each line in a pipe
  };

  Progress(const Display& display, std::uint64_t total_bytes, const Clock& clock);

  /// A bar if standard error is a terminal.
  static Style style_for_stderr();

  void add(std::uint64_t bytes);

  /// So many in all.
  void advance_to(std::uint64_t bytes) {
    const std::uint64_t done = done_bytes();
    if (bytes > done) add(bytes - done);
  }

  /// Takes the bar off the screen: something else is printed there.
  void make_way();

  /// Leaves the last state of a bar on the screen.
  void finish();

  [[nodiscard]] std::uint64_t done_bytes() const { return done_bytes_.load(); }

 private:
  void draw(std::uint64_t now_ns) REQUIRES(mutex_);
  [[nodiscard]] std::string state(std::uint64_t done_bytes, std::uint64_t now_ns) const;
  [[nodiscard]] unsigned percent(std::uint64_t done_bytes) const;

  const Display display_;
  const std::uint64_t total_bytes_;
  const Clock& clock_;
  const std::uint64_t started_ns_;
  std::atomic<std::uint64_t> done_bytes_{0};
  std::atomic<std::uint64_t> draw_at_ns_;  // not before

  Mutex mutex_;
  unsigned drawn_percent_ GUARDED_BY(mutex_) = 0;
};

}  // namespace spillway::agent::recover
