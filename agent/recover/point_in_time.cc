#include "agent/recover/point_in_time.h"

#include <charconv>
#include <chrono>

namespace spillway::agent::recover {
namespace {

// Takes a number of exactly `digits` digits, at most `max`, from the front of `text`.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits, unsigned max) {
  if (text.size() < digits) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  if (value > max) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<unsigned> take_behind(std::string_view& text, std::string_view mark, unsigned max) {
  if (!take(text, mark)) return std::nullopt;
  return take_number(text, 2, max);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::uint64_t> parse_time(std::string_view text) {
  if (const auto ms = parse_number(text)) return ms;
  const auto year = take_number(text, 4, 9999);
  const auto month = take_behind(text, "-", 12);
  const auto day = take_behind(text, "-", 31);
  if (!year || !month || !day || *year < 1970) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  std::chrono::seconds since_1970 = std::chrono::sys_days(date).time_since_epoch();
  if (text.size() > 1 && (text.front() == ' ' || text.front() == 'T') && text[1] != 'U') {
    text.remove_prefix(1);
    const auto hour = take_number(text, 2, 23);
    const auto minute = take_behind(text, ":", 59);
    if (!hour || !minute) return std::nullopt;
    const auto second = text.starts_with(':') ? take_behind(text, ":", 59) : std::optional(0U);
    if (!second) return std::nullopt;
    since_1970 +=
        std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  }
  if (!text.empty() && text != "Z" && text != " UTC") return std::nullopt;
  return static_cast<std::uint64_t>(since_1970.count()) * 1000;
}

}  // namespace spillway::agent::recover
