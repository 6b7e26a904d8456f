#include "agent/fill_trend.h"

#include <limits>

namespace spillway::agent {
namespace {

constexpr std::uint64_t kApartNs = 1'000'000'000;
constexpr std::uint64_t kWindowNs = 60'000'000'000;

}  // namespace

double FillTrend::seconds_to_full(std::uint64_t now_ns, std::uint64_t events,
                                  std::uint64_t capacity) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const MutexLock lock(mutex_);
  // One look from before the window stays, for who looks less often.
  while (looks_.size() > 1 && looks_[1].at_ns + kWindowNs <= now_ns) looks_.pop_front();
  double seconds = kNever;
  if (!looks_.empty() && looks_.front().at_ns < now_ns && looks_.front().events < events) {
    const Look& then = looks_.front();
    const double pace = static_cast<double>(events - then.events) /
                        (static_cast<double>(now_ns - then.at_ns) / 1e9);
    seconds = events >= capacity ? 0 : static_cast<double>(capacity - events) / pace;
  }
  if (looks_.empty() || looks_.back().at_ns + kApartNs <= now_ns) {
    looks_.push_back({.at_ns = now_ns, .events = events});
  }
  return events >= capacity ? 0 : seconds;
}

}  // namespace spillway::agent
