#include "agent/recover/progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/recover/plain_words.h"

namespace spillway::agent::recover {
namespace {

constexpr std::uint64_t kBarEveryNs = 200'000'000;
constexpr std::uint64_t kLineEveryNs = 1'000'000'000;
constexpr unsigned kLineEveryPercent = 10;
constexpr std::size_t kBarCells = 30;

}  // namespace

Progress::Progress(std::FILE* stream, Style style, std::uint64_t total_bytes, const Clock& clock)
    : stream_(stream),
      style_(style),
      total_bytes_(total_bytes),
      clock_(clock),
      started_ns_(clock.monotonic_ns()),
      draw_at_ns_(started_ns_ + (style == Style::kBar ? kBarEveryNs : kLineEveryNs)) {}

void Progress::add(std::uint64_t bytes) {
  done_bytes_.fetch_add(bytes);
  if (style_ == Style::kNone) return;
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (now_ns < draw_at_ns_.load()) return;
  const MutexLock lock(mutex_);
  if (now_ns < draw_at_ns_.load()) return;  // another thread has drawn in between
  draw(now_ns);
}

void Progress::finish() {
  if (style_ != Style::kBar) return;
  const MutexLock lock(mutex_);
  draw(clock_.monotonic_ns());
  fmt::print(stream_, "\n");
}

void Progress::draw(std::uint64_t now_ns) {
  const std::uint64_t done_bytes = done_bytes_.load();
  const unsigned done_percent = percent(done_bytes);
  if (style_ == Style::kBar) {
    draw_at_ns_.store(now_ns + kBarEveryNs);
    const std::size_t cells = kBarCells * done_percent / 100;
    fmt::print(stream_, "\r[{}{}] {}\x1b[K", std::string(cells, '#'),
               std::string(kBarCells - cells, '.'), state(done_bytes, now_ns));
    std::fflush(stream_);
    return;
  }
  if (done_percent < drawn_percent_ + kLineEveryPercent) return;
  draw_at_ns_.store(now_ns + kLineEveryNs);
  drawn_percent_ = done_percent;
  fmt::print(stream_, "verify: {}\n", state(done_bytes, now_ns));
  std::fflush(stream_);
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
