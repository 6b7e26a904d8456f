// Dates of syslog lines: calendar arithmetic, and the year that RFC 3164 leaves out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::agent {

/// A date as written; fields beyond their range carry over, as in Java's lenient calendar.
struct CivilTime {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

enum class TimeZone : std::uint8_t { kUtc, kLocal };

/// Seconds since 1970-01-01 UTC.
std::int64_t unix_seconds(const CivilTime& time, TimeZone zone);

/// Is every field within the calendar's range? A leap second counts.
bool is_real_date(const CivilTime& time);

/// 1 to 12 for the English abbreviation `Jan` to `Dec`, or 0.
int month_named(std::string_view name);

/// The digits of `text` as a number; nullopt when it holds anything else or is empty.
std::optional<int> number_in(std::string_view text);

/// The date of a line without a year, in ms: of the twelve months that end one month from now.
/// `time.year` is ignored; `year_now` is what Flume would put in first.
std::int64_t guess_year_ms(CivilTime time, std::int64_t now_ms, TimeZone zone);

/// The last time text that was worked out: lines of one second carry the same. Not for long: the
/// year of a text without one depends on now.
class TimeMemo {
 public:
  [[nodiscard]] std::optional<std::int64_t> find(std::string_view text, std::int64_t now_ms) const {
    if (text != text_ || now_ms >= until_ms_ || now_ms + kKeptMs < until_ms_) return std::nullopt;
    return value_ms_;
  }
  void keep(std::string_view text, std::int64_t value_ms, std::int64_t now_ms) {
    text_ = text;
    value_ms_ = value_ms;
    until_ms_ = now_ms + kKeptMs;
  }

 private:
  static constexpr std::int64_t kKeptMs = 60'000;

  std::string text_;
  std::int64_t value_ms_ = 0;
  std::int64_t until_ms_ = 0;
};

}  // namespace spillway::agent
