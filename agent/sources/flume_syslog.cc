#include "agent/sources/flume_syslog.h"

#include <algorithm>

#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kDatagramBytesMax = 65'536;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// \s of Java's patterns.
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// A place in a line that moves forward over what a pattern expects.
class Scan {
 public:
  explicit Scan(std::string_view text) : text_(text) {}

  bool skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool skip_space() {
    if (text_.empty() || !is_space(text_.front())) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool skip_digits(std::size_t count) {
    if (text_.size() < count) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (!is_digit(text_[i])) return false;
    }
    text_.remove_prefix(count);
    return true;
  }
  /// What was skipped since `start`, a former rest().
  [[nodiscard]] std::string_view since(std::string_view start) const {
    return start.substr(0, start.size() - text_.size());
  }
  [[nodiscard]] std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

// [.]d{1,6}, then a zone or none: what may follow the seconds.
bool skip_fraction_and_zone(Scan& scan) {
  if (scan.skip('.')) {
    std::size_t count = 0;
    while (count < 6 && scan.skip_digits(1)) ++count;
    if (count == 0) return false;
  }
  if (scan.skip('Z')) return true;
  if (scan.skip('+') || scan.skip('-')) {
    return scan.skip_digits(2) && scan.skip(':') && scan.skip_digits(2);
  }
  return true;
}

bool skip_clock(Scan& scan) {
  return scan.skip_digits(2) && scan.skip(':') && scan.skip_digits(2) && scan.skip(':') &&
         scan.skip_digits(2);
}

bool skip_iso_time(Scan& scan) {
  return scan.skip_digits(4) && scan.skip('-') && scan.skip_digits(2) && scan.skip('-') &&
         scan.skip_digits(2) && scan.skip('T') && skip_clock(scan) && skip_fraction_and_zone(scan);
}

// Mmm d HH:mm:ss with one or two spaces before the day.
bool skip_bsd_time(Scan& scan) {
  const std::string_view text = scan.rest();
  if (text.size() < 4 || text[0] < 'A' || text[0] > 'Z') return false;
  for (const char c : text.substr(1, 2)) {
    if (c < 'a' || c > 'z') return false;
  }
  Scan behind(text.substr(3));
  if (!behind.skip_space()) return false;
  behind.skip_space();
  if (!behind.skip_digits(1)) return false;
  behind.skip_digits(1);
  if (!behind.skip_space() || !skip_clock(behind)) return false;
  scan = behind;
  return true;
}

// Java's dot matches no line end, and the pattern must reach the end of the line.
bool is_one_line(std::string_view text, bool is_known_ascii) {
  if (text.find('\r') != std::string_view::npos || text.find('\n') != std::string_view::npos) {
    return false;
  }
  if (is_known_ascii) return true;
  for (std::size_t at = 0; (at = text.find('\xC2', at)) != std::string_view::npos; ++at) {
    if (text.substr(at).starts_with("\xC2\x85")) return false;  // U+0085
  }
  for (std::size_t at = 0; (at = text.find("\xE2\x80", at)) != std::string_view::npos; ++at) {
    const std::string_view sequence = text.substr(at, 3);
    if (sequence == "\xE2\x80\xA8" || sequence == "\xE2\x80\xA9") return false;
  }
  return true;
}

// From the time on. `header` has the priority and the version.
std::optional<FlumeHeader> match_from_time(std::string_view text, bool is_known_ascii,
                                           FlumeHeader header) {
  Scan scan(text);
  header.has_year = true;
  if (skip_iso_time(scan)) {
    header.fields.timestamp = scan.since(text);
  } else {
    scan = Scan(text);
    if (!scan.skip('-')) {
      header.has_year = false;
      if (!skip_bsd_time(scan)) return std::nullopt;
      header.fields.timestamp = scan.since(text);
    }
  }
  if (!scan.skip_space()) return std::nullopt;
  const std::string_view host = scan.rest();
  const auto end = std::find_if_not(host.begin(), host.end(), [](char c) {
    return is_word(c) || c == '.' || c == '@' || c == '-';
  });
  const auto host_bytes = static_cast<std::size_t>(end - host.begin());
  if (host_bytes > 0 && is_word(host.front())) {
    header.fields.host = host.substr(0, host_bytes);
  } else if (!header.has_year || host_bytes != 1 || host.front() != '-') {
    return std::nullopt;  // RFC 3164's pattern has no "-"
  }
  Scan behind(host.substr(host_bytes));
  if (!behind.skip_space() || !is_one_line(behind.rest(), is_known_ascii)) return std::nullopt;
  header.message = behind.rest();
  return header;
}

// The fields of yyyy-MM-ddTHH:mm:ss, which the pattern has checked.
CivilTime iso_civil_time(std::string_view text) {
  const auto at = [text](std::size_t begin, std::size_t count) {
    return number_in(text.substr(begin, count)).value_or(0);
  };
  return {.year = at(0, 4),
          .month = at(5, 2),
          .day = at(8, 2),
          .hour = at(11, 2),
          .minute = at(14, 2),
          .second = at(17, 2)};
}

constexpr std::size_t kIsoSeconds = 19;  // length of yyyy-MM-ddTHH:mm:ss

}  // namespace

FlumeFrame next_flume_frame(std::string_view input, std::size_t bytes_max, std::size_t& scanned) {
  FlumeFrame frame;
  const std::size_t skipped = std::min(input.find_first_not_of('\n'), input.size());
  if (skipped > 0) scanned = 0;
  frame.used_bytes = skipped;
  const std::string_view line = input.substr(skipped);
  if (line.empty()) return frame;

  std::size_t data = 1;  // where bytes are only searched for the newline
  if (line.front() == '<') {
    int value = 0;
    while (data < line.size()) {
      const char c = line[data++];
      if (c == '>') {
        if (data > 2) frame.priority = value;
        break;
      }
      // A fourth digit, or anything else, even a newline, is taken as data.
      if (!is_digit(c) || data > 4) break;
      value = value * 10 + (c - '0');
      if (data == line.size()) return frame;  // the priority may go on
    }
    if (line.size() == 1) return frame;
  }
  const std::string_view within = line.substr(0, bytes_max + 1);
  const std::size_t from = std::max(data, std::min(scanned, within.size()));
  const std::size_t newline = within.find('\n', from);
  if (newline != std::string_view::npos && newline < bytes_max) {
    frame.line = line.substr(0, newline);
    frame.used_bytes = skipped + newline + 1;
  } else if (line.size() >= bytes_max) {
    frame.line = line.substr(0, bytes_max);
    frame.used_bytes = skipped + bytes_max;
    frame.is_cut = true;
  } else {
    scanned = line.size();
    return frame;
  }
  scanned = 0;
  frame.is_whole = true;
  return frame;
}

std::optional<FlumeFrame> flume_datagram_frame(std::string_view datagram) {
  std::size_t scanned = 0;
  FlumeFrame frame = next_flume_frame(datagram, kDatagramBytesMax, scanned);
  if (frame.is_whole) return frame;
  frame.line = datagram.substr(frame.used_bytes);
  if (frame.line.empty() || frame.line == "<") return std::nullopt;
  frame.is_whole = true;
  const bool has_open_priority = frame.line.front() == '<' && frame.priority < 0;
  if (has_open_priority) {
    frame.priority = number_in(frame.line.substr(1)).value_or(-1);
    if (frame.line.size() > 4) frame.priority = -1;
  }
  return frame;
}

std::optional<FlumeHeader> match_flume_header(std::string_view line, bool is_known_ascii) {
  const std::size_t close = line.find('>');
  if (!line.starts_with('<') || close == std::string_view::npos || close < 2 || close > 4) {
    return std::nullopt;
  }
  FlumeHeader header;
  header.fields.priority = line.substr(1, close - 1);
  const std::string_view rest = line.substr(close + 1);
  // An optional digit, an optional space; the digit may as well begin the year.
  if (!rest.empty() && is_digit(rest.front())) {
    header.fields.version = rest.substr(0, 1);
    Scan scan(rest.substr(1));
    scan.skip_space();
    if (auto matched = match_from_time(scan.rest(), is_known_ascii, header)) return matched;
    header.fields.version = {};
  }
  Scan scan(rest);
  scan.skip_space();
  return match_from_time(scan.rest(), is_known_ascii, header);
}

std::optional<std::int64_t> flume_timestamp_ms(const FlumeHeader& header, std::int64_t now_ms) {
  const std::string_view text = header.fields.timestamp;
  if (text.empty()) return std::nullopt;
  if (!header.has_year) {
    CivilTime time;
    time.month = month_named(text.substr(0, 3));
    if (time.month == 0) return std::nullopt;
    const std::string_view clock = text.substr(text.size() - 8);
    const std::size_t day = text.find_first_of("0123456789");
    time.day = number_in(text.substr(day, text[day + 1] == ' ' ? 1 : 2)).value_or(0);
    time.hour = number_in(clock.substr(0, 2)).value_or(0);
    time.minute = number_in(clock.substr(3, 2)).value_or(0);
    time.second = number_in(clock.substr(6, 2)).value_or(0);
    return guess_year_ms(time, now_ms, TimeZone::kLocal);
  }
  const CivilTime time = iso_civil_time(text);
  std::string_view behind = text.substr(kIsoSeconds);
  if (behind.starts_with('.')) {
    // Java's format without a zone is tried first and takes any beginning that fits; its S is a
    // number of milliseconds: .5 is five of them.
    const std::string_view fraction = behind.substr(1, 3);
    const std::size_t digits = std::min(fraction.find_first_not_of("0123456789"), fraction.size());
    return unix_seconds(time, TimeZone::kLocal) * 1000 +
           number_in(fraction.substr(0, digits)).value_or(0);
  }
  if (behind.empty()) return unix_seconds(time, TimeZone::kLocal) * 1000;
  std::int64_t offset_seconds = 0;
  if (behind.front() != 'Z') {
    offset_seconds = number_in(behind.substr(1, 2)).value_or(0) * 3600 +
                     number_in(behind.substr(4, 2)).value_or(0) * 60;
    if (behind.front() == '-') offset_seconds = -offset_seconds;
  }
  return (unix_seconds(time, TimeZone::kUtc) - offset_seconds) * 1000;
}

void FlumeSyslogParser::add(const FlumeFrame& frame, const Peer& peer, channel::EventBatch& batch) {
  std::string_view body = frame.line;
  event_.put_priority(std::max(frame.priority, 0));
  if (frame.priority >= 0) body = put_header(frame);
  if (frame.priority < 0) {
    event_.headers.put(kSyslogStatusHeader, "Invalid");
  } else if (frame.is_cut) {
    event_.headers.put(kSyslogStatusHeader, "Incomplete");
  }
  event_.put_peer(options_.peer_headers, peer);
  event_.add_to(batch, options_.keep.all ? frame.line : body);
}

// Returns the body: the line itself when no pattern fits, or when there is no message.
std::string_view FlumeSyslogParser::put_header(const FlumeFrame& frame) {
  std::string_view line = frame.line;
  const bool is_plain = is_ascii(line);
  if (!is_plain) {  // Java matches text and writes it back as UTF-8
    text_.clear();
    append_as_utf8(line, Encoding::kUtf8, text_);
    line = text_;
  }
  const auto header = match(line, is_plain);
  if (!header) return frame.line;
  put_fields(*header);
  const std::string_view body = body_of(header->fields, header->message, frame.line);
  return body.empty() ? frame.line : body;
}

std::optional<FlumeHeader> FlumeSyslogParser::match(std::string_view line,
                                                    bool is_known_ascii) const {
  if (options_.format) {
    if (const auto own = options_.format->match(line)) {
      return FlumeHeader{.fields = own->fields, .message = own->message, .is_formatted = true};
    }
  }
  return match_flume_header(line, is_known_ascii);
}

void FlumeSyslogParser::put_fields(const FlumeHeader& header) {
  if (!header.fields.priority.empty()) event_.headers.put("priority", header.fields.priority);
  if (!header.fields.version.empty()) event_.headers.put("version", header.fields.version);
  if (const auto ms = remembered_ms(header)) event_.put_timestamp(*ms);
  if (!header.fields.host.empty()) event_.headers.put("host", header.fields.host);
}

std::optional<std::int64_t> FlumeSyslogParser::remembered_ms(const FlumeHeader& header) {
  const std::string_view text = header.fields.timestamp;
  if (text.empty()) return std::nullopt;
  const std::int64_t now_ms = clock_.wall_ms();
  if (const auto known = memo_.find(text, now_ms)) return known;
  const auto ms = header.is_formatted ? options_.format->timestamp_ms(text, now_ms)
                                      : flume_timestamp_ms(header, now_ms);
  if (ms) memo_.keep(text, *ms, now_ms);
  return ms;
}

std::string_view FlumeSyslogParser::body_of(const SyslogHeader& header, std::string_view message,
                                            std::string_view line) {
  if (options_.keep.all) return line;
  if (options_.keep.is_none()) return message;
  join_kept_fields(options_.keep, header, message, body_);
  return body_;
}

}  // namespace spillway::agent
