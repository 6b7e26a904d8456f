#include "wal/base/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <map>
#include <mutex>
#include <string>

#include "wal/base/clock.h"

namespace spillway {
namespace {

constexpr std::uint64_t kBurstLines = 5;
constexpr std::uint64_t kBurstWindowNs = 10'000'000'000;

std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> line_format{LogFormat::kText};

const char* level_name(LogLevel level) {
  constexpr std::array kNames{"DEBUG", "INFO", "WARN", "ERROR"};
  return kNames.at(static_cast<std::size_t>(level));
}

std::string utc_time(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     wall_ms % 1000);
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      line += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7F) {
      return true;
    }
  }
  return false;
}

void append_value(std::string& line, const LogField::Value& value, LogFormat format) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (format == LogFormat::kJson || needs_quotes(*text)) {
      append_quoted(line, *text);
    } else {
      line += *text;
    }
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    line += *flag ? "true" : "false";
  } else if (const auto* number = std::get_if<double>(&value)) {
    line += fmt::format("{:g}", *number);
  } else if (const auto* negative = std::get_if<std::int64_t>(&value)) {
    line += fmt::format("{}", *negative);
  } else {
    line += fmt::format("{}", std::get<std::uint64_t>(value));
  }
}

// How many lines an id has written in its current window, and how many it has swallowed.
struct Burst {
  std::uint64_t window_start_ns = 0;
  std::uint64_t written = 0;
  std::uint64_t suppressed = 0;
};

struct Admission {
  bool is_admitted = true;
  std::uint64_t suppressed = 0;
};

Admission admit(std::string_view id) {
  static std::mutex mutex;
  static std::map<std::string, Burst, std::less<>> bursts;
  const std::uint64_t now = SystemClock().monotonic_ns();
  const std::lock_guard lock(mutex);
  auto found = bursts.find(id);
  if (found == bursts.end()) found = bursts.emplace(std::string(id), Burst{}).first;
  Burst& burst = found->second;
  if (burst.written == 0 || now - burst.window_start_ns >= kBurstWindowNs) {
    const std::uint64_t suppressed = burst.suppressed;
    burst = {.window_start_ns = now, .written = 1, .suppressed = 0};
    return {.is_admitted = true, .suppressed = suppressed};
  }
  if (burst.written < kBurstLines) {
    ++burst.written;
    return {};
  }
  ++burst.suppressed;
  return {.is_admitted = false};
}

void write_line(LogLevel level, std::string_view id, std::string_view message, LogFields fields) {
  if (level < minimum_level.load(std::memory_order_relaxed)) return;
  Admission admission;
  if (level >= LogLevel::kWarn) admission = admit(id);
  if (!admission.is_admitted) return;
  const LogFormat format = line_format.load(std::memory_order_relaxed);
  std::string line = format_log_line(format, SystemClock().wall_ms(), level, id, message, fields);
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

std::string format_log_line(LogFormat format, std::int64_t wall_ms, LogLevel level,
                            std::string_view id, std::string_view message, LogFields fields) {
  const bool is_json = format == LogFormat::kJson;
  std::string line;
  if (is_json) {
    line = fmt::format(R"({{"time":"{}","level":"{}","id":"{}","message":)", utc_time(wall_ms),
                       level_name(level), id);
    append_quoted(line, message);
  } else {
    line = fmt::format("{} {} {} {}", utc_time(wall_ms), level_name(level), id, message);
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
