#include "agent/sources/multiport_syslog.h"

#include <algorithm>
#include <array>

namespace spillway::agent {
namespace {

constexpr std::size_t kBsdTimeBytes = 15;
constexpr std::size_t kIsoSecondsBytes = 19;

// Mmm d HH:mm:ss; Flume writes 0 for one that is no date.
std::int64_t bsd_ms(std::string_view text, std::int64_t now_ms) {
  CivilTime time{.year = 2000};  // a leap year, as Joda's default
  time.month = month_named(text.substr(0, 3));
  std::string_view rest = text.substr(3);
  std::size_t spaces = 0;
  for (; spaces < 2 && rest.starts_with(' '); ++spaces) rest.remove_prefix(1);
  const std::size_t day_end = std::min(rest.find(' '), rest.size());
  const auto day = number_in(rest.substr(0, day_end));
  rest.remove_prefix(day_end);
  if (time.month == 0 || spaces == 0 || !day || *day > 31 || rest.size() < 9) return 0;
  const auto hour = number_in(rest.substr(1, 2));
  const auto minute = number_in(rest.substr(4, 2));
  const auto second = number_in(rest.substr(7, 2));
  if (!hour || !minute || !second || rest[3] != ':' || rest[6] != ':') return 0;
  if (rest.size() != 9 || *second > 59) return 0;
  time.day = *day;
  time.hour = *hour;
  time.minute = *minute;
  time.second = *second;
  return is_real_date(time) ? guess_year_ms(time, now_ms, TimeZone::kUtc) : 0;
}

std::optional<CivilTime> iso_seconds(std::string_view text) {
  const auto year = number_in(text.substr(0, 4));
  const auto month = number_in(text.substr(5, 2));
  const auto day = number_in(text.substr(8, 2));
  const auto hour = number_in(text.substr(11, 2));
  const auto minute = number_in(text.substr(14, 2));
  const auto second = number_in(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const bool has_marks =
      text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':';
  const CivilTime time{.year = *year,
                       .month = *month,
                       .day = *day,
                       .hour = *hour,
                       .minute = *minute,
                       .second = *second};
  if (!has_marks || *second > 59 || !is_real_date(time)) return std::nullopt;
  return time;
}

// Flume wants one character behind the seconds: a fraction, a zone, or anything, which is UTC.
std::optional<std::int64_t> iso_ms(std::string_view text) {
  if (text.size() <= kIsoSecondsBytes) return std::nullopt;
  const auto time = iso_seconds(text.substr(0, kIsoSecondsBytes));
  if (!time) return std::nullopt;
  std::int64_t ms = unix_seconds(*time, TimeZone::kUtc) * 1000;
  text.remove_prefix(kIsoSecondsBytes);
  if (text.front() == '.') {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (end == 1 || end == text.size()) return std::nullopt;
    std::array<char, 3> digits{'0', '0', '0'};
    std::copy_n(text.begin() + 1, std::min<std::size_t>(end - 1, 3), digits.begin());
    ms += number_in(std::string_view(digits.data(), digits.size())).value_or(0);
    text.remove_prefix(end);
  }
  if (text.front() != '+' && text.front() != '-') return ms;
  if (text.size() < 6 || text[3] != ':') return std::nullopt;
  const auto hours = number_in(text.substr(1, 2));
  const auto minutes = number_in(text.substr(4, 2));
  if (!hours || !minutes) return std::nullopt;
  const std::int64_t offset_ms = (*hours * 60 + *minutes) * std::int64_t{60'000};
  return text.front() == '+' ? ms - offset_ms : ms + offset_ms;
}

}  // namespace

MultiportFrame next_multiport_frame(std::string_view input, std::size_t bytes_max,
                                    std::size_t& scanned) {
  MultiportFrame frame;
  const std::string_view within = input.substr(0, bytes_max);
  const std::size_t newline = within.find('\n', std::min(scanned, within.size()));
  if (newline != std::string_view::npos) {
    frame = {.line = input.substr(0, newline), .used_bytes = newline + 1};
  } else if (within.size() == bytes_max) {
    frame = {.line = within, .used_bytes = bytes_max, .is_cut = true};
  } else {
    scanned = within.size();
    return frame;
  }
  scanned = 0;
  frame.is_whole = true;
  return frame;
}

std::optional<MultiportMessage> parse_multiport_syslog(std::string_view line) {
  MultiportMessage parsed;
  const std::size_t close = line.substr(0, 7).find('>');
  if (!line.starts_with('<') || close == std::string_view::npos) return std::nullopt;
  parsed.fields.priority = line.substr(1, close - 1);
  const auto priority = number_in(parsed.fields.priority);
  std::string_view rest = line.substr(close + 1);
  if (!priority || rest.empty()) return std::nullopt;
  parsed.priority = *priority;
  if (rest.size() > 2 && rest.starts_with("1 ")) {
    parsed.fields.version = rest.substr(0, 1);
    rest.remove_prefix(2);
  }
  if (rest.front() == '-') {
    if (rest.size() <= 2) return std::nullopt;
    parsed.fields.timestamp = rest.substr(0, 1);
    rest.remove_prefix(2);
  } else if (rest.front() >= 'A' && rest.front() <= 'Z') {
    if (rest.size() <= kBsdTimeBytes) return std::nullopt;
    parsed.fields.timestamp = rest.substr(0, kBsdTimeBytes);
    rest.remove_prefix(kBsdTimeBytes + 1);
  } else {
    const std::size_t space = rest.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    parsed.fields.timestamp = rest.substr(0, space);
    rest.remove_prefix(space + 1);
  }
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  parsed.fields.host = rest.substr(0, space);
  parsed.message = rest.substr(space + 1);
  return parsed;
}

std::optional<std::int64_t> multiport_timestamp_ms(std::string_view text, std::int64_t now_ms) {
  if (text == "-") return now_ms;
  if (text.front() >= 'A' && text.front() <= 'Z') return bsd_ms(text, now_ms);
  return iso_ms(text);
}

std::optional<std::int64_t> MultiportSyslogParser::time_ms(std::string_view text) {
  const std::int64_t now_ms = clock_.wall_ms();
  if (text.empty()) return std::nullopt;
  if (text == "-") return now_ms;
  if (const auto known = memo_.find(text, now_ms)) return known;
  const auto ms = multiport_timestamp_ms(text, now_ms);
  if (ms) memo_.keep(text, *ms, now_ms);
  return ms;
}

bool MultiportSyslogParser::put_header(std::string_view line, const Charset& charset) {
  if (!charset.decodes(line)) return false;
  const auto parsed = parse_multiport_syslog(line);
  if (!parsed) return false;
  const auto ms = time_ms(parsed->fields.timestamp);
  if (!ms) return false;
  event_.headers.put("Priority", parsed->fields.priority);
  event_.put_priority(parsed->priority);
  if (!parsed->fields.version.empty()) event_.headers.put("Version", parsed->fields.version);
  event_.put_timestamp(*ms);
  host_.clear();
  charset.append_as_utf8(parsed->fields.host, host_);
  event_.headers.put("host", host_);
  message_ = line;
  if (keep_.all || parsed->message.empty()) return true;
  message_ = parsed->message;
  if (keep_.is_none()) return true;
  join_kept_fields(keep_, parsed->fields, parsed->message, body_);
  message_ = body_;
  return true;
}

void MultiportSyslogParser::add(std::string_view line, bool is_cut, const Charset& charset,
                                const Peer& peer, channel::EventBatch& batch) {
  message_ = line;
  if (!put_header(line, charset)) {
    event_.headers.put(kSyslogStatusHeader, "Invalid");
  } else if (is_cut) {
    event_.headers.put(kSyslogStatusHeader, "Incomplete");
  }
  event_.put_peer(peer_headers_, peer);
  event_.add_to(batch, message_);
}

}  // namespace spillway::agent
