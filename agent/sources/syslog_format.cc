#include "agent/sources/syslog_format.h"

#include <ctime>
#include <utility>

namespace spillway::agent {
namespace {

int utc_year_of(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return utc.tm_year + 1900;
}

Error refuse(const char* what) {
  return {.code = Errc::kBadConfig, .what = what};
}

}  // namespace

Result<std::optional<SyslogFormat>> SyslogFormat::read(const Config& config) {
  const bool has_search = config.is_given("format.search");
  if (has_search != config.is_given("format.replace")) {
    return refuse("format.search and format.replace are given together or not at all");
  }
  if (!config.is_given("format.regex")) {
    if (has_search || config.is_given("format.dateFormat")) {
      return refuse("format.search, format.replace and format.dateFormat need format.regex");
    }
    return std::optional<SyslogFormat>();
  }
  // The mistakes of a pattern are those of the pattern alone.
  TRY(Regex::compile(config.string("format.regex")));
  TRY_ASSIGN(Regex line, Regex::compile("\\A(?:" + config.string("format.regex") + ")\\z"));
  SyslogFormat format(std::move(line));
  if (has_search) {
    TRY_ASSIGN(Regex search, Regex::compile(config.string("format.search")));
    TRY_ASSIGN(JavaReplacement replace,
               JavaReplacement::compile(config.string("format.replace"), search));
    format.search_ = std::move(search);
    format.replace_ = std::move(replace);
  }
  if (config.is_given("format.dateFormat")) {
    TRY_ASSIGN(JodaTime date, JodaTime::compile(config.string("format.dateFormat")));
    format.date_ = std::move(date);
  }
  return std::optional<SyslogFormat>(std::move(format));
}

std::optional<SyslogFormat::Matched> SyslogFormat::match(std::string_view line) const {
  Regex::Match match;
  if (line_.find(line, 0, match) != Regex::Found::kMatch) return std::nullopt;
  const auto group = [&match](std::size_t index) {
    return match.group(index).value_or(std::string_view{});
  };
  return Matched{.fields = {.priority = group(1),
                            .version = group(2),
                            .timestamp = group(3),
                            .host = group(4)},
                 .message = group(5)};
}

std::optional<std::int64_t> SyslogFormat::timestamp_ms(std::string_view text,
                                                       std::int64_t now_ms) const {
  if (!date_ || text.empty()) return std::nullopt;
  std::string replaced;
  if (search_) {
    if (!replace_->replace_all(*search_, text, replaced)) return std::nullopt;
    text = replaced;
  }
  return date_->parse(text, utc_year_of(now_ms));
}

}  // namespace spillway::agent
