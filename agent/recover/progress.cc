#include "agent/recover/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "agent/recover/plain_words.h"

namespace spillway::agent::recover {
namespace {

constexpr std::uint64_t kBarEveryNs = 200'000'000;
constexpr std::uint64_t kLineEveryNs = 1'000'000'000;
constexpr unsigned kLineEveryPercent = 10;
constexpr std::size_t kBarCells = 30;

}  // namespace

Progress::Style Progress::style_for_stderr() {
  return ::isatty(STDERR_FILENO) == 1 ? Style::kBar : Style::kLines;
}

Progress::Progress(const Display& display, std::uint64_t total_bytes, const Clock& clock)
    : display_(display),
      total_bytes_(total_bytes),
      clock_(clock),
      started_ns_(clock.monotonic_ns()),
      draw_at_ns_(started_ns_ + (display.style == Style::kBar ? kBarEveryNs : kLineEveryNs)) {}

void Progress::add(std::uint64_t bytes) {
  done_bytes_.fetch_add(bytes);
  if (display_.style == Style::kNone) return;
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (now_ns < draw_at_ns_.load()) return;
  const MutexLock lock(mutex_);
  if (now_ns < draw_at_ns_.load()) return;  // another thread has drawn in between
  draw(now_ns);
}

void Progress::make_way() {
  if (display_.style != Style::kBar) return;
  const MutexLock lock(mutex_);
  fmt::print(display_.stream, "\r\x1b[K");
  std::fflush(display_.stream);
}

void Progress::finish() {
  if (display_.style != Style::kBar) return;
  const MutexLock lock(mutex_);
  draw(clock_.monotonic_ns());
  fmt::print(display_.stream, "\n");
}

void Progress::draw(std::uint64_t now_ns) {
  const std::uint64_t done_bytes = done_bytes_.load();
  const unsigned done_percent = percent(done_bytes);
  if (display_.style == Style::kBar) {
    draw_at_ns_.store(now_ns + kBarEveryNs);
    const std::size_t cells = kBarCells * done_percent / 100;
    fmt::print(display_.stream, "\r[{}{}] {}\x1b[K", std::string(cells, '#'),
               std::string(kBarCells - cells, '.'), state(done_bytes, now_ns));
    std::fflush(display_.stream);
    return;
  }
  if (done_percent < drawn_percent_ + kLineEveryPercent) return;
  draw_at_ns_.store(now_ns + kLineEveryNs);
  drawn_percent_ = done_percent;
  fmt::print(display_.stream, "{}: {}\n", display_.command, state(done_bytes, now_ns));
  std::fflush(display_.stream);
}

std::string Progress::state(std::uint64_t done_bytes, std::uint64_t now_ns) const {
  const double seconds =
      static_cast<double>(std::max<std::uint64_t>(now_ns - started_ns_, 1)) / 1e9;
  return fmt::format("{:3} %  {} of {}  {:.0f} MB/s", percent(done_bytes),
                     size_in_words(done_bytes), size_in_words(total_bytes_),
                     static_cast<double>(done_bytes) / 1e6 / seconds);
}

unsigned Progress::percent(std::uint64_t done_bytes) const {
  if (total_bytes_ == 0) return 100;
  const double share = static_cast<double>(done_bytes) / static_cast<double>(total_bytes_);
  return static_cast<unsigned>(std::min(share, 1.0) * 100);
}

}  // namespace spillway::agent::recover
