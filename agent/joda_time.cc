#include "agent/joda_time.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays{"monday", "tuesday",  "wednesday", "thursday",
                                                    "friday", "saturday", "sunday"};
constexpr std::array<std::string_view, 2> kHalfdays{"am", "pm"};
constexpr std::size_t kShortBytes = 3;  // of names of months and weekdays

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_with_folded(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() && to_lower(text.substr(0, lower.size())) == lower;
}

/// Index of the name that `text` begins with, in full or in its first letters; takes it off.
template <std::size_t kCount>
std::optional<int> take_name(std::string_view& text,
                             const std::array<std::string_view, kCount>& names) {
  for (std::size_t i = 0; i < kCount; ++i) {
    for (const std::string_view name : {names[i], names[i].substr(0, kShortBytes)}) {
      if (!starts_with_folded(text, name)) continue;
      text.remove_prefix(name.size());
      return static_cast<int>(i);
    }
  }
  return std::nullopt;
}

/// A number of 1 to `digits_max` digits; takes it off.
std::optional<int> take_number(std::string_view& text, std::size_t digits_max) {
  std::size_t digits = 0;
  int value = 0;
  while (digits < std::min<std::size_t>(digits_max, 9) && digits < text.size() &&
         is_digit(text[digits])) {
    value = value * 10 + (text[digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return value;
}

/// Days since 1970 of a day in the Gregorian calendar (Howard Hinnant's days_from_civil).
std::int64_t days_of(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in(int year, int month) {
  constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays.at(static_cast<std::size_t>(month - 1));
}

}  // namespace

struct JodaTime::Reading {
  std::optional<int> year = {};
  std::optional<int> year_of_two = {};
  std::optional<int> month = {};
  std::optional<int> day = {};
  std::optional<int> day_of_year = {};
  std::optional<int> half = {};  // 0 am, 1 pm
  std::optional<int> hour_of_half = {};
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millis = 0;
  std::optional<int> offset_seconds = {};

  [[nodiscard]] std::optional<std::int64_t> value(int year_now) const;
};

namespace {

/// Gives the text in quotes at `at` to `literal`; '' is a quote, inside and outside. Returns where
/// the pattern goes on, npos when there is no end.
std::size_t read_quoted(std::string_view pattern, std::size_t at, const auto& literal) {
  if (pattern.substr(at + 1).starts_with('\'')) {
    literal("'");
    return at + 2;
  }
  std::string text;
  for (++at; at < pattern.size(); ++at) {
    if (pattern[at] != '\'') {
      text += pattern[at];
    } else if (pattern.substr(at + 1).starts_with('\'')) {
      text += pattern[++at];
    } else {
      literal(text);
      return at + 1;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<JodaTime::Part> JodaTime::part_of(char letter, std::size_t count, bool is_joined) {
  const auto part = [&](Field field, std::size_t digits_max) {
    return Part{.field = field, .digits_max = is_joined ? count : digits_max};
  };
  switch (letter) {
    case 'y':
    case 'Y':
      return count == 2 ? Part{.field = Field::kYearOfTwo, .digits_max = 2} : part(Field::kYear, 9);
    case 'M':
      return part(count > 2 ? Field::kMonthName : Field::kMonth, 2);
    case 'd':
      return part(Field::kDay, 2);
    case 'D':
      return part(Field::kDayOfYear, 3);
    case 'E':
      return part(Field::kWeekday, 0);
    case 'a':
      return part(Field::kHalfday, 0);
    case 'H':
      return part(Field::kHour, 2);
    case 'k':
      return part(Field::kHour24, 2);
    case 'h':
      return part(Field::kHour12, 2);
    case 'K':
      return part(Field::kHourOfHalf, 2);
    case 'm':
      return part(Field::kMinute, 2);
    case 's':
      return part(Field::kSecond, 2);
    case 'S':
      return Part{.field = Field::kFraction, .digits_max = count};
    case 'Z':
      if (count <= 2) return part(Field::kOffset, 0);
      return Error{.code = Errc::kUnsupported, .what = "names of time zones are not read"};
    default:
      return Error{.code = Errc::kUnsupported, .what = "a letter that is not read"};
  }
}

Result<JodaTime> JodaTime::compile(std::string_view pattern) {
  std::vector<Part> parts;
  const auto literal = [&parts](std::string_view text) {
    if (parts.empty() || parts.back().field != Field::kLiteral) parts.emplace_back();
    parts.back().literal += to_lower(text);
  };
  std::size_t at = 0;
  while (at < pattern.size()) {
    const char c = pattern[at];
    const std::size_t begin = at;
    if (c == '\'') {
      const std::size_t end = read_quoted(pattern, at, literal);
      if (end == std::string_view::npos) {
        return Error{.code = Errc::kBadConfig, .what = "quoted text has no end", .at = at};
      }
      at = end;
      continue;
    }
    if (!is_letter(c)) {
      literal(pattern.substr(at++, 1));
      continue;
    }
    while (at < pattern.size() && pattern[at] == c) ++at;
    const std::size_t count = at - begin;
    // A number ends where the next one begins: yyyyMMdd.
    const bool is_joined = at < pattern.size() && is_letter(pattern[at]);
    auto part = part_of(c, count, is_joined);
    if (!part.has_value()) {
      Error error = part.error();
      error.at = begin;
      return error;
    }
    parts.push_back(std::move(part.value()));
  }
  if (parts.empty()) return Error{.code = Errc::kBadConfig, .what = "an empty pattern"};
  return JodaTime(std::move(parts));
}

namespace {

/// `+01:00`, `+0100`, `+01` or `Z`; takes it off.
std::optional<int> take_offset(std::string_view& text) {
  if (starts_with_folded(text, "z")) {
    text.remove_prefix(1);
    return 0;
  }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  const int minutes = take_number(text, 2).value_or(0);
  if (minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + minutes * 60);
}

/// A number between `first` and `last`; takes it off.
bool take_into(std::string_view& text, std::size_t digits_max, int first, int last, auto& to) {
  const auto number = take_number(text, digits_max);
  if (!number || *number < first || *number > last) return false;
  to = *number;
  return true;
}

bool take_fraction(std::string_view& text, std::size_t digits_max, int& millis) {
  std::size_t digits = 0;
  int value = 0;
  for (; digits < digits_max && digits < text.size() && is_digit(text[digits]); ++digits) {
    if (digits < 3) value = value * 10 + (text[digits] - '0');
  }
  if (digits == 0) return false;
  for (std::size_t i = digits; i < 3; ++i) value *= 10;
  text.remove_prefix(digits);
  millis = value;
  return true;
}

}  // namespace

bool JodaTime::read_part(const Part& part, std::string_view& text, Reading& reading) {
  const std::size_t most = part.digits_max;
  int hour = 0;
  switch (part.field) {
    case Field::kLiteral:
      if (!starts_with_folded(text, part.literal)) return false;
      text.remove_prefix(part.literal.size());
      return true;
    case Field::kYear:
      return take_into(text, most, 0, 9999, reading.year);
    case Field::kYearOfTwo:
      return take_into(text, most, 0, 99, reading.year_of_two);
    case Field::kMonth:
      return take_into(text, most, 1, 12, reading.month);
    case Field::kMonthName:
      if (const auto month = take_name(text, kMonths)) {
        reading.month = *month + 1;
        return true;
      }
      return false;
    case Field::kDay:
      return take_into(text, most, 1, 31, reading.day);
    case Field::kDayOfYear:
      return take_into(text, most, 1, 366, reading.day_of_year);
    case Field::kWeekday:
      return take_name(text, kWeekdays).has_value();
    case Field::kHalfday:
      reading.half = take_name(text, kHalfdays);
      return reading.half.has_value();
    case Field::kHour:
      return take_into(text, most, 0, 23, reading.hour);
    case Field::kHour24:
      if (!take_into(text, most, 1, 24, hour)) return false;
      reading.hour = hour % 24;
      return true;
    case Field::kHour12:
      if (!take_into(text, most, 1, 12, hour)) return false;
      reading.hour_of_half = hour % 12;
      return true;
    case Field::kHourOfHalf:
      return take_into(text, most, 0, 11, reading.hour_of_half);
    case Field::kMinute:
      return take_into(text, most, 0, 59, reading.minute);
    case Field::kSecond:
      return take_into(text, most, 0, 59, reading.second);
    case Field::kFraction:
      return take_fraction(text, most, reading.millis);
    case Field::kOffset:
      reading.offset_seconds = take_offset(text);
      return reading.offset_seconds.has_value();
  }
  return false;
}

std::optional<std::int64_t> JodaTime::Reading::value(int year_now) const {
  const bool has_date = month || day || day_of_year;
  int full_year = year.value_or(has_date ? 2000 : 1970);
  if (year_of_two) {  // the hundred years around thirty years ago
    const int first = year_now - 30 - 50;
    full_year = first + (*year_of_two - first % 100 + 100) % 100;
  }
  int full_month = month.value_or(1);
  int full_day = day.value_or(1);
  if (day_of_year) {
    if (*day_of_year > (is_leap(full_year) ? 366 : 365)) return std::nullopt;
    full_month = 1;
    full_day = *day_of_year;
  } else if (full_day > days_in(full_year, full_month)) {
    return std::nullopt;
  }
  const int full_hour = hour_of_half ? *hour_of_half + 12 * half.value_or(0) : hour;
  if (offset_seconds) {
    const std::int64_t days = days_of(full_year, full_month, 1) + full_day - 1;
    const std::int64_t seconds = days * 86400 + full_hour * 3600 + minute * 60 + second;
    return (seconds - *offset_seconds) * 1000 + millis;
  }
  std::tm local{};
  local.tm_year = full_year - 1900;
  local.tm_mon = full_month - 1;
  local.tm_mday = full_day;
  local.tm_hour = full_hour;
  local.tm_min = minute;
  local.tm_sec = second;
  local.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&local)) * 1000 + millis;
}

std::optional<std::int64_t> JodaTime::parse(std::string_view text, int year_now) const {
  Reading reading;
  for (const Part& part : parts_) {
    if (!read_part(part, text, reading)) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  return reading.value(year_now);
}

}  // namespace spillway::agent
