#include "agent/sources/syslog_time.h"

#include <algorithm>
#include <array>
#include <ctime>

namespace spillway::agent {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

int floor_div(int a, int b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// Days since 1970-01-01 of the proleptic Gregorian calendar; `month` may be out of range.
std::int64_t days_from_civil(int year, int month, int day) {
  year += floor_div(month - 1, 12);
  const int month_index = (month - 1) - floor_div(month - 1, 12) * 12;  // 0 to 11
  const int shifted_year = month_index < 2 ? year - 1 : year;           // years begin in March
  const int era = floor_div(shifted_year, 400);
  const int year_of_era = shifted_year - era * 400;
  const int month_from_march = (month_index + 10) % 12;
  const int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return std::int64_t{era} * 146'097 + day_of_era - 719'468;
}

int days_in_month(int year, int month) {
  return static_cast<int>(days_from_civil(year, month + 1, 1) - days_from_civil(year, month, 1));
}

// As Calendar.add: the day is cut to the length of the month.
CivilTime add_months(CivilTime time, int months) {
  const int index = time.month - 1 + months;
  time.year += floor_div(index, 12);
  time.month = index - floor_div(index, 12) * 12 + 1;
  time.day = std::min(time.day, days_in_month(time.year, time.month));
  return time;
}

int utc_year(std::int64_t now_ms) {
  const std::time_t seconds = now_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts.tm_year + 1900;
}

}  // namespace

std::int64_t unix_seconds(const CivilTime& time, TimeZone zone) {
  if (zone == TimeZone::kUtc) {
    return days_from_civil(time.year, time.month, time.day) * 86'400 +
           std::int64_t{time.hour} * 3600 + std::int64_t{time.minute} * 60 + time.second;
  }
  std::tm parts{};
  parts.tm_year = time.year - 1900;
  parts.tm_mon = time.month - 1;
  parts.tm_mday = time.day;
  parts.tm_hour = time.hour;
  parts.tm_min = time.minute;
  parts.tm_sec = time.second;
  parts.tm_isdst = -1;
  return mktime(&parts);
}

bool is_real_date(const CivilTime& time) {
  return time.month >= 1 && time.month <= 12 && time.day >= 1 &&
         time.day <= days_in_month(time.year, time.month) && time.hour >= 0 && time.hour <= 23 &&
         time.minute >= 0 && time.minute <= 59 && time.second >= 0 && time.second <= 60;
}

int month_named(std::string_view name) {
  const auto found = std::find(kMonths.begin(), kMonths.end(), name);
  return found == kMonths.end() ? 0 : static_cast<int>(found - kMonths.begin()) + 1;
}

std::optional<int> number_in(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::int64_t guess_year_ms(CivilTime time, std::int64_t now_ms, TimeZone zone) {
  const std::int64_t now = now_ms / 1000;
  time.year = utc_year(now_ms);
  if (unix_seconds(add_months(time, -1), zone) > now) {
    time = add_months(time, -12);
  } else if (unix_seconds(add_months(time, 11), zone) < now) {
    time = add_months(time, 12);
  }
  return unix_seconds(time, zone) * 1000;
}

}  // namespace spillway::agent
