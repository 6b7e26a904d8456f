// SyslogFormat: a header of the operator's own for Flume's reading of syslog (`format.*`).
//
// Flume: SyslogUtils.addFormats, which no manual mentions. Differs: dateFormat is read as Joda's,
// which takes the whole text and a fraction of a second as such.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "agent/java_replacement.h"
#include "agent/joda_time.h"
#include "agent/regex.h"
#include "agent/sources/syslog_event.h"
#include "agent/sources/syslog_keep_fields.h"

namespace spillway::agent {

inline constexpr OptionSpec kFormatRegexOption{
    .name = "format.regex",
    .help =
        "Pattern of a whole line, tried before Flume's own: its groups are priority, version, "
        "time, host and message."};
inline constexpr OptionSpec kFormatSearchOption{
    .name = "format.search", .help = "What format.replace stands for in the time of format.regex."};
inline constexpr OptionSpec kFormatReplaceOption{
    .name = "format.replace", .help = "What stands for format.search; $1 is a group of it."};
inline constexpr OptionSpec kFormatDateOption{
    .name = "format.dateFormat",
    .help = "Pattern of the time of format.regex, Joda's; without it no header timestamp is set."};

/// Immutable; thread-safe.
class SyslogFormat {
 public:
  /// nullopt without format.regex. kBadConfig, kUnsupported: what does not compile.
  static Result<std::optional<SyslogFormat>> read(const Config& config);

  struct Matched {
    SyslogHeader fields;
    std::string_view message;
  };
  /// Views into `line`; nullopt when the pattern does not match all of it.
  [[nodiscard]] std::optional<Matched> match(std::string_view line) const;

  /// nullopt when `text` is no time of dateFormat, or there is none.
  [[nodiscard]] std::optional<std::int64_t> timestamp_ms(std::string_view text,
                                                         std::int64_t now_ms) const;

 private:
  explicit SyslogFormat(Regex line) : line_(std::move(line)) {}

  Regex line_;
  std::optional<Regex> search_;
  std::optional<JavaReplacement> replace_;
  std::optional<JodaTime> date_;
};

}  // namespace spillway::agent
