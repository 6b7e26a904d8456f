// JodaTime: times written by a pattern of Joda's DateTimeFormat, read as milliseconds.
//
// Source: the documentation of org.joda.time.format.DateTimeFormat. Letters read: y Y M d D E a H h
// K k m s S Z, and quoted text; names are English, in any case. What a pattern leaves out is that
// of 1970-01-01T00:00, or of the year 2000 when there is a month or day and no year.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"

namespace spillway::agent {

/// Immutable; thread-safe.
class JodaTime {
 public:
  /// kUnsupported or kBadConfig with the offset of the letter in `at`.
  static Result<JodaTime> compile(std::string_view pattern);

  /// Milliseconds since 1970; nullopt when `text` is not a time of the pattern, as a whole. Without
  /// an offset in the text it is local time. `year_now` places years of two digits.
  [[nodiscard]] std::optional<std::int64_t> parse(std::string_view text, int year_now) const;

 private:
  enum class Field : std::uint8_t {
    kLiteral,
    kYear,
    kYearOfTwo,
    kMonth,
    kMonthName,
    kDay,
    kDayOfYear,
    kWeekday,
    kHalfday,
    kHour,        // 0-23
    kHour24,      // 1-24
    kHour12,      // 1-12
    kHourOfHalf,  // 0-11
    kMinute,
    kSecond,
    kFraction,
    kOffset,
  };
  struct Part {
    Field field = Field::kLiteral;
    std::size_t digits_max = 0;
    std::string literal = {};
  };
  struct Reading;

  explicit JodaTime(std::vector<Part> parts) : parts_(std::move(parts)) {}

  static Result<Part> part_of(char letter, std::size_t count, bool is_joined);
  static bool read_part(const Part& part, std::string_view& text, Reading& reading);

  std::vector<Part> parts_;
};

}  // namespace spillway::agent
