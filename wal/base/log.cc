#include "wal/base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>

#include "wal/base/clock.h"
#include "wal/base/log_burst.h"
#include "wal/base/log_secrets.h"
#include "wal/base/utf8.h"

namespace spillway {
namespace {

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> line_format{LogFormat::kText};

const char* level_name(LogLevel level) {
  constexpr std::array kNames{"DEBUG", "INFO", "WARN", "ERROR"};
  return kNames.at(static_cast<std::size_t>(level));
}

std::string utc_time(std::int64_t wall_ms) {
  const std::int64_t millis = (wall_ms % 1000 + 1000) % 1000;  // a clock may stand before 1970
  const std::time_t seconds = (wall_ms - millis) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     millis);
}

// Values come from peers and file names: a line must stay one line and valid UTF-8.
void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      line += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      line += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  line += '"';
}

// Bytes outside ASCII are quoted, because only append_quoted() checks them.
bool needs_quotes(std::string_view text) {
  return text.empty() || !std::all_of(text.begin(), text.end(), [](char c) {
           return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
         });
}

void append_value(std::string& line, const LogField::Value& value, LogFormat format) {
  if (const auto* written = std::get_if<std::string>(&value)) {
    const std::string text = shown_in_log(*written);
    if (format == LogFormat::kJson || needs_quotes(text)) {
      append_quoted(line, text);
    } else {
      line += text;
    }
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    line += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&value)) {
    const bool is_null = format == LogFormat::kJson && !std::isfinite(*number);
    line += is_null ? "null" : fmt::format("{:g}", *number);  // JSON has no infinity
  } else if (const auto* negative = std::get_if<std::int64_t>(&value)) {
    line += fmt::format("{}", *negative);
  } else {
    line += fmt::format("{}", std::get<std::uint64_t>(value));
  }
}

void write_line(LogLevel level, std::string_view id, std::string_view message, LogFields fields) {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  static LogBurst burst;
  const SystemClock clock;
  LogBurst::Admission admission;
  if (level >= LogLevel::kWarn) admission = burst.admit(id, clock.monotonic_ns());
  if (!admission.is_admitted) return;
  const LogFormat format = line_format.load(std::memory_order_relaxed);
  std::string line = format_log_line(format, {clock.wall_ms(), level, id, message}, fields);
  if (admission.suppressed > 0) {
    const bool is_json = format == LogFormat::kJson;
    if (is_json) line.pop_back();
    line += is_json ? ",\"suppressed\":" : " suppressed=";
    line += std::to_string(admission.suppressed);
    if (is_json) line += '}';
  }
  line += '\n';
  // Nothing sensible is left to do when standard error is gone.
  static_cast<void>(std::fwrite(line.data(), 1, line.size(), stderr));
}

}  // namespace

void set_log_level(LogLevel level) {
  minimum_level.store(level, std::memory_order_relaxed);
}
void set_log_format(LogFormat format) {
  line_format.store(format, std::memory_order_relaxed);
}

std::string format_log_line(LogFormat format, const LogLine& said, LogFields fields) {
  const bool is_json = format == LogFormat::kJson;
  std::string line;
  if (is_json) {
    line = fmt::format(R"({{"time":"{}","level":"{}","id":"{}","message":)", utc_time(said.wall_ms),
                       level_name(said.level), said.id);
    append_quoted(line, said.message);
  } else {
    line = fmt::format("{} {} {} {}", utc_time(said.wall_ms), level_name(said.level), said.id,
                       said.message);
  }
  for (const LogField& field : fields) {
    line += is_json ? "," : " ";
    if (is_json) {
      append_quoted(line, field.key);
      line += ':';
    } else {
      line += field.key;
      line += '=';
    }
    append_value(line, field.value, format);
  }
  if (is_json) line += '}';
  return line;
}

void log_debug(std::string_view id, std::string_view message, LogFields fields) {
  write_line(LogLevel::kDebug, id, message, fields);
}
void log_info(std::string_view id, std::string_view message, LogFields fields) {
  write_line(LogLevel::kInfo, id, message, fields);
}
void log_warn(std::string_view id, std::string_view message, LogFields fields) {
  write_line(LogLevel::kWarn, id, message, fields);
}
void log_error(std::string_view id, std::string_view message, LogFields fields) {
  write_line(LogLevel::kError, id, message, fields);
}

}  // namespace spillway
