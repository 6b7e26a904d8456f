#include "agent/sources/rfc_syslog.h"

#include <algorithm>
#include <array>

namespace spillway::agent {
namespace {

constexpr int kPriorityMax = 191;
constexpr std::size_t kBsdTimeBytes = 15;  // Mmm dd hh:mm:ss
constexpr std::size_t kIsoSecondsBytes = 19;
constexpr std::size_t kTagBytesMax = 48;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 33 && c <= 126; });
}

bool parse_clock(std::string_view text, CivilTime& time) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return false;
  const auto hour = number_in(text.substr(0, 2));
  const auto minute = number_in(text.substr(3, 2));
  const auto second = number_in(text.substr(6, 2));
  if (!hour || !minute || !second) return false;
  time.hour = *hour;
  time.minute = *minute;
  time.second = *second;
  return true;
}

// `text` has kBsdTimeBytes.
std::optional<CivilTime> bsd_time(std::string_view text) {
  CivilTime time{.year = 2000};  // a leap year: February 29 may be meant
  time.month = month_named(text.substr(0, 3));
  const std::string_view day = text.substr(text[4] == ' ' ? 5 : 4, text[4] == ' ' ? 1 : 2);
  time.day = number_in(day).value_or(0);
  const bool has_spaces = text[3] == ' ' && text[6] == ' ';
  if (!has_spaces || !parse_clock(text.substr(7), time) || !is_real_date(time)) return std::nullopt;
  return time;
}

// Z or ±hh:mm, in seconds.
std::optional<int> zone_seconds(std::string_view text) {
  if (text == "Z") return 0;
  if (text.size() != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const auto hours = number_in(text.substr(1, 2));
  const auto minutes = number_in(text.substr(4, 2));
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int seconds = *hours * 3600 + *minutes * 60;
  return text[0] == '-' ? -seconds : seconds;
}

std::optional<std::int64_t> iso_ms(std::string_view text) {
  if (text.size() <= kIsoSecondsBytes) return std::nullopt;
  const auto year = number_in(text.substr(0, 4));
  const auto month = number_in(text.substr(5, 2));
  const auto day = number_in(text.substr(8, 2));
  if (!year || !month || !day || text[4] != '-' || text[7] != '-' || text[10] != 'T') {
    return std::nullopt;
  }
  CivilTime time{.year = *year, .month = *month, .day = *day};
  if (!parse_clock(text.substr(11, 8), time) || !is_real_date(time)) return std::nullopt;
  text.remove_prefix(kIsoSecondsBytes);
  std::int64_t ms = 0;
  if (text.front() == '.') {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", 1), text.size());
    if (end < 2 || end > 10) return std::nullopt;
    std::array<char, 3> digits{'0', '0', '0'};
    std::copy_n(text.begin() + 1, std::min<std::size_t>(end - 1, 3), digits.begin());
    ms = number_in(std::string_view(digits.data(), digits.size())).value_or(0);
    text.remove_prefix(end);
  }
  const auto zone = zone_seconds(text);
  if (!zone) return std::nullopt;
  return (unix_seconds(time, TimeZone::kUtc) - *zone) * 1000 + ms;
}

// Takes the text up to the next space, and the space.
std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

// A field of an RFC 5424 header; "-" is an absent one.
bool take_field(std::string_view& text, std::size_t bytes_max, std::string_view& field) {
  field = take_word(text);
  if (field.empty() || field.size() > bytes_max || !is_printable(field)) return false;
  if (field == "-") field = {};
  return true;
}

int take_priority(std::string_view& text) {
  const std::size_t close = text.substr(0, 5).find('>');
  if (!text.starts_with('<') || close == std::string_view::npos) return -1;
  const std::string_view digits = text.substr(1, close - 1);
  const int priority = number_in(digits).value_or(-1);
  if (priority > kPriorityMax || (digits.size() > 1 && digits.front() == '0')) return -1;
  if (priority >= 0) text.remove_prefix(close + 1);
  return priority;
}

// One [id name="value" …]; returns its length, or 0.
std::size_t element_bytes(std::string_view text) {
  bool is_quoted = false;
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char c = text[at];
    if (is_quoted && c == '\\') {
      ++at;
    } else if (c == '"') {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == ']') {
      return at > 1 ? at + 1 : 0;
    } else if (!is_quoted && (c < ' ' || c > '~')) {
      return 0;
    }
  }
  return 0;
}

bool take_structured_data(std::string_view& text, std::string_view& data) {
  std::size_t end = 0;
  if (text.starts_with('-')) {
    end = 1;
  } else {
    while (text.substr(end).starts_with('[')) {
      const std::size_t bytes = element_bytes(text.substr(end));
      if (bytes == 0) return false;
      end += bytes;
    }
  }
  if (end == 0 || (end < text.size() && text[end] != ' ')) return false;
  data = text.starts_with('-') ? std::string_view() : text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return true;
}

bool parse_5424(std::string_view text, RfcMessage& parsed) {
  parsed.fields.version = take_word(text);
  if (!take_field(text, 64, parsed.fields.timestamp)) return false;
  if (!parsed.fields.timestamp.empty() && !iso_ms(parsed.fields.timestamp)) return false;
  if (!take_field(text, 255, parsed.fields.host) || !take_field(text, 48, parsed.app_name) ||
      !take_field(text, 128, parsed.proc_id) || !take_field(text, 32, parsed.msg_id) ||
      !take_structured_data(text, parsed.structured_data)) {
    return false;
  }
  parsed.message = text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
  return true;
}

// "sshd[4711]: text": takes what is before the text. Anything else is all text.
void take_tag(std::string_view& text, RfcMessage& parsed) {
  const std::size_t end = text.substr(0, kTagBytesMax + 1).find_first_of(" [:");
  if (end == 0 || end == std::string_view::npos || text[end] == ' ') return;
  if (!is_printable(text.substr(0, end))) return;
  std::string_view behind = text.substr(end);
  std::string_view proc_id;
  if (behind.front() == '[') {
    const std::size_t close = behind.substr(0, 130).find(']');
    if (close == std::string_view::npos || !is_printable(behind.substr(0, close))) return;
    proc_id = behind.substr(1, close - 1);
    behind.remove_prefix(close + 1);
  }
  if (!behind.starts_with(':')) return;
  behind.remove_prefix(1);
  if (behind.starts_with(' ')) behind.remove_prefix(1);
  parsed.app_name = text.substr(0, end);
  parsed.proc_id = proc_id;
  text = behind;
}

bool parse_3164(std::string_view text, RfcMessage& parsed) {
  const bool is_bsd = !text.empty() && text.front() >= 'A' && text.front() <= 'Z';
  if (is_bsd) {
    if (text.size() <= kBsdTimeBytes || text[kBsdTimeBytes] != ' ') return false;
    parsed.fields.timestamp = text.substr(0, kBsdTimeBytes);
    if (!bsd_time(parsed.fields.timestamp)) return false;
    text.remove_prefix(kBsdTimeBytes + 1);
  } else {
    parsed.fields.timestamp = take_word(text);  // as many senders write it today
    if (!iso_ms(parsed.fields.timestamp)) return false;
  }
  // Some senders leave the host out: a first word that ends in a colon is the tag.
  std::string_view behind = text;
  const std::string_view host = take_word(behind);
  if (host.empty() || host.size() > 255 || !is_printable(host)) return false;
  if (!host.ends_with(':')) {
    parsed.fields.host = host;
    text = behind;
  }
  take_tag(text, parsed);
  parsed.message = text;
  return true;
}

}  // namespace

std::optional<std::int64_t> rfc_timestamp_ms(std::string_view text, std::int64_t now_ms) {
  if (text.size() != kBsdTimeBytes || text.front() < 'A') return iso_ms(text);
  const auto time = bsd_time(text);
  if (!time) return std::nullopt;
  return guess_year_ms(*time, now_ms, TimeZone::kLocal);
}

RfcMessage parse_rfc_syslog(std::string_view text) {
  RfcMessage parsed;
  const std::string_view whole = text;
  parsed.priority = take_priority(text);
  if (parsed.priority < 0) return parsed;
  parsed.fields.priority = whole.substr(1, whole.size() - text.size() - 2);
  parsed.is_valid = text.starts_with("1 ") ? parse_5424(text, parsed) : parse_3164(text, parsed);
  if (!parsed.is_valid) parsed = {.priority = parsed.priority};
  return parsed;
}

void RfcSyslogParser::put_timestamp(std::string_view text) {
  if (text.empty()) return;
  const std::int64_t now_ms = clock_.wall_ms();
  auto ms = memo_.find(text, now_ms);
  if (!ms) {
    ms = rfc_timestamp_ms(text, now_ms);
    if (!ms) return;
    memo_.keep(text, *ms, now_ms);
  }
  event_.put_timestamp(*ms);
}

void RfcSyslogParser::add(std::string_view line, bool is_cut, const Peer& peer,
                          channel::EventBatch& batch) {
  const RfcMessage parsed = parse_rfc_syslog(line);
  std::string_view body = line;
  if (parsed.priority >= 0) event_.put_priority(parsed.priority);
  if (parsed.is_valid) {
    const auto put = [this](std::string_view key, std::string_view value) {
      if (!value.empty()) event_.headers.put(key, value);
    };
    put("priority", parsed.fields.priority);
    put("version", parsed.fields.version);
    put_timestamp(parsed.fields.timestamp);
    put("host", parsed.fields.host);
    put("appName", parsed.app_name);
    put("procId", parsed.proc_id);
    put("msgId", parsed.msg_id);
    put("structuredData", parsed.structured_data);
    if (!keep_.all) {
      body = parsed.message;
      if (!keep_.is_none()) {
        join_kept_fields(keep_, parsed.fields, parsed.message, body_);
        body = body_;
      }
    }
  }
  if (!parsed.is_valid) {
    event_.headers.put(kSyslogStatusHeader, "Invalid");
  } else if (is_cut) {
    event_.headers.put(kSyslogStatusHeader, "Incomplete");
  }
  event_.put_peer(peer_headers_, peer);
  event_.add_to(batch, body);
}

}  // namespace spillway::agent
