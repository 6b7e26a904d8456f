#include "agent/sinks/roll_path.h"

#include <fmt/format.h>

#include <ctime>

namespace spillway::agent {
namespace {

std::string local_time_digits(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return fmt::format("{:04}{:02}{:02}{:02}{:02}{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace

RollPath::RollPath(RollPathOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), series_(std::to_string(clock.wall_ms())) {}

std::string RollPath::next() {
  if (options_.manager == "rolltime") {
    const std::string now = local_time_digits(clock_.wall_ms());
    if (now != series_) index_ = 0;
    series_ = now;
  }
  std::string name = fmt::format("{}{}-{}", options_.prefix, series_, ++index_);
  if (!options_.extension.empty()) name += "." + options_.extension;
  return name;
}

}  // namespace spillway::agent
