// Structured log lines: `<utc time> <LEVEL> <id> <message> key=value …`, or one JSON object.
//
// Levels by consequence: ERROR = data lost or an operator must act; WARN = unexpected, nothing
// lost; INFO = lifecycle and decisions; DEBUG = per batch. Nothing logs per event.
// The id is `component.event` ("wal.torn_tail"); every WARN and ERROR id is in docs/operations.md.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "wal/base/result.h"

namespace spillway {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : std::uint8_t { kText, kJson };

struct LogField {
  using Value = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  LogField(std::string_view k, std::signed_integral auto v)
      : key(k), value(static_cast<std::int64_t>(v)) {}
  LogField(std::string_view k, std::unsigned_integral auto v)
      : key(k), value(static_cast<std::uint64_t>(v)) {}
  LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  LogField(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  LogField(std::string_view k, const Error& e) : key(k), value(to_string(e)) {}

  std::string_view key;
  Value value;
};

using LogFields = std::initializer_list<LogField>;

/// Process-wide; set once by main before threads start. Default: kInfo, kText, standard error.
void set_log_level(LogLevel level);
void set_log_format(LogFormat format);

/// Thread-safe; one write(2) per line. A WARN or ERROR id is written at most 5 times per 10
/// seconds; the next line of that id then carries `suppressed=<count>`.
void log_debug(std::string_view id, std::string_view message, LogFields fields = {});
void log_info(std::string_view id, std::string_view message, LogFields fields = {});
void log_warn(std::string_view id, std::string_view message, LogFields fields = {});
void log_error(std::string_view id, std::string_view message, LogFields fields = {});

struct LogLine {
  std::int64_t wall_ms = 0;
  LogLevel level = LogLevel::kInfo;
  std::string_view id;
  std::string_view message;
};

/// One formatted line without the newline; exposed for tests.
std::string format_log_line(LogFormat format, const LogLine& said, LogFields fields);

}  // namespace spillway
