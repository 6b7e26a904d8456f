#include "agent/path_template.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>
#include <memory>

#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kTimestampKey = "timestamp";

// Since 1973 every time zone is whole minutes from UTC, and changes at a whole minute.
constexpr std::int64_t kWholeMinutesSince = 94'694'400;

// The letter, and what it is for strftime(3) in the C locale.
struct TimeEscape {
  char letter;
  const char* format;
};
constexpr std::array kTimeEscapes{TimeEscape{'a', "%a"},
                                  TimeEscape{'A', "%A"},
                                  TimeEscape{'b', "%b"},
                                  TimeEscape{'B', "%B"},
                                  TimeEscape{'c', "%a %b %-d %H:%M:%S %Y"},
                                  TimeEscape{'d', "%d"},
                                  TimeEscape{'e', "%-d"},
                                  TimeEscape{'D', "%m/%d/%y"},
                                  TimeEscape{'H', "%H"},
                                  TimeEscape{'k', "%-H"},
                                  TimeEscape{'I', "%I"},
                                  TimeEscape{'l', "%-I"},
                                  TimeEscape{'j', "%j"},
                                  TimeEscape{'m', "%m"},
                                  TimeEscape{'n', "%-m"},
                                  TimeEscape{'M', "%M"},
                                  TimeEscape{'p', "%p"},
                                  TimeEscape{'S', "%S"},
                                  TimeEscape{'y', "%y"},
                                  TimeEscape{'Y', "%Y"},
                                  TimeEscape{'z', "%z"}};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_unsafe(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '/' || byte < 0x20 || byte == 0x7F;
}

constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

// Of at least kWordBytes; a word at a time, for this runs over a header of every event.
bool has_unsafe_byte(std::string_view text) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kHighBits = 0x80 * kOnes;
  // Not 0 when a byte is less than `limit`, which is at most 0x80.
  const auto below = [](std::uint64_t word, std::uint64_t limit) {
    return (word - limit * kOnes) & ~word & kHighBits;
  };
  std::uint64_t found = 0;
  const std::size_t last = text.size() - kWordBytes;
  for (std::size_t at = 0;; at = std::min(at + kWordBytes, last)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, kWordBytes);
    found |= below(word, 0x20) | below(word ^ ('/' * kOnes), 1) | below(word ^ (0x7F * kOnes), 1);
    if (at == last) return found != 0;
  }
}

// Java's Long.parseLong, but for what no clock says.
bool parse_time(std::string_view text, std::int64_t& time_ms) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, time_ms);
  return !text.empty() && error == std::errc() && stop == end;
}

Error bad_escape(std::size_t at) {
  return {.code = Errc::kBadConfig, .what = "path has an escape that does not exist", .at = at};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// As Java's InetAddress.getLocalHost(): what the resolver says about the host's own name.
std::string resolved_host(bool is_name_wanted) {
  const std::string name = host_name();
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_flags = AI_CANONNAME;
  addrinfo* list = nullptr;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &list) != 0) {
    return is_name_wanted ? name : "127.0.0.1";
  }
  const std::unique_ptr<addrinfo, FreeAddresses> owner(list);
  if (is_name_wanted) return list->ai_canonname != nullptr ? list->ai_canonname : name;
  std::array<char, NI_MAXHOST> address{};
  const int outcome = ::getnameinfo(list->ai_addr, list->ai_addrlen, address.data(), address.size(),
                                    nullptr, 0, NI_NUMERICHOST);
  return outcome == 0 ? address.data() : "127.0.0.1";
}

std::int64_t second_of(std::int64_t time_ms) {
  return time_ms / 1000 - (time_ms % 1000 < 0 ? 1 : 0);
}

void append_number(std::int64_t number, std::string& out) {
  std::array<char, 24> digits{};
  out.append(digits.data(),
             std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

}  // namespace

Result<PathTemplate> PathTemplate::compile(std::string_view text,
                                           const PathTemplateOptions& options, const Clock& clock) {
  PathTemplate path(options, clock);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t percent = std::min(text.find('%', at), text.size());
    path.add_text(text.substr(at, percent - at));
    at = percent;
    if (at == text.size()) break;
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (next == '{' || next == '[') {
      const std::size_t end = text.find(next == '{' ? '}' : ']', at);
      if (end == std::string_view::npos) return bad_escape(at);
      const std::string_view name = text.substr(at + 2, end - at - 2);
      const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
        return is_word(c) || (next == '{' && (c == '.' || c == '-'));
      });
      if (!is_name) return bad_escape(at);
      if (next == '[') {
        TRY(path.add_host(name, at));
      } else {
        path.add_header(name);
      }
      at = end + 1;
      continue;
    }
    if (!is_word(next) && next != '%') return bad_escape(at);
    TRY(path.add_letter(next, at));
    at += 2;
  }
  return path;
}

PathTemplate::PathTemplate(const PathTemplateOptions& options, const Clock& clock)
    : options_(options), clock_(&clock), headers_{{.key = std::string(kTimestampKey)}} {}

void PathTemplate::add_header(std::string_view key) {
  const auto known = std::find_if(headers_.begin(), headers_.end(),
                                  [key](const Header& header) { return header.key == key; });
  const auto index = static_cast<std::size_t>(known - headers_.begin());
  if (known == headers_.end()) headers_.push_back({.key = std::string(key)});
  parts_.push_back({.kind = Kind::kHeader, .text = {}, .header = index});
}

Result<void> PathTemplate::add_letter(char letter, std::size_t at) {
  if (letter == '%') {
    add_text("%");
    return {};
  }
  if (letter == 't' || letter == 's') {
    parts_.push_back({.kind = letter == 't' ? Kind::kMillis : Kind::kSeconds, .text = {}});
  } else {
    const auto* const escape =
        std::find_if(kTimeEscapes.begin(), kTimeEscapes.end(),
                     [letter](const TimeEscape& known) { return known.letter == letter; });
    if (escape == kTimeEscapes.end()) return bad_escape(at);
    add_time(escape->format);
  }
  has_time_ = true;
  return {};
}

Result<void> PathTemplate::add_host(std::string_view name, std::size_t at) {
  std::string value;
  if (name == "localhost") {
    value = host_name();
  } else if (name == "IP" || name == "FQDN") {
    value = resolved_host(name == "FQDN");
  } else {
    return bad_escape(at);
  }
  std::string safe;
  append_path_safe(value, safe);
  add_text(safe);
  return {};
}

void PathTemplate::add_text(std::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || parts_.back().kind != Kind::kText) {
    parts_.push_back({.kind = Kind::kText, .text = {}});
  }
  parts_.back().text += text;
}

// What stands between times is made together with them.
void PathTemplate::add_time(std::string_view format) {
  std::string literal;
  if (!parts_.empty() && parts_.back().kind == Kind::kText) {
    for (const char c : parts_.back().text) literal.append(c == '%' ? 2 : 1, c);
    parts_.pop_back();
  }
  if (parts_.empty() || parts_.back().kind != Kind::kTime) {
    parts_.push_back({.kind = Kind::kTime, .text = {}});
  }
  Part& part = parts_.back();
  part.text.append(literal).append(format);
  part.shows_seconds = part.shows_seconds || format.find("%S") != std::string_view::npos;
}

bool PathTemplate::append(const channel::EventView& event, std::string& out) {
  if (has_time_ || headers_.size() > 1) find_values(event);
  std::int64_t time_ms = 0;
  const bool has_time = !has_time_ || find_time(time_ms);
  for (Part& part : parts_) {
    switch (part.kind) {
      case Kind::kText:
        out += part.text;
        break;
      case Kind::kHeader:
        append_path_safe(headers_[part.header].value, out);
        break;
      case Kind::kTime: {
        const std::int64_t second = second_of(time_ms);
        if (second < part.rendered_begin || second >= part.rendered_end) render_time(part, second);
        out += part.rendered;
        break;
      }
      case Kind::kMillis:
        append_number(time_ms, out);
        break;
      case Kind::kSeconds:
        append_number(second_of(time_ms), out);
        break;
    }
  }
  return has_time;
}

void PathTemplate::render_time(Part& part, std::int64_t second) const {
  const std::time_t time = second;
  std::tm parts{};
  std::array<char, 4096> text;  // a path's length
  // A year beyond what fits is no year of a log.
  const bool is_good =
      (options_.is_utc ? ::gmtime_r(&time, &parts) : ::localtime_r(&time, &parts)) != nullptr;
  const std::size_t size =
      is_good ? std::strftime(text.data(), text.size(), part.text.c_str(), &parts) : 0;
  part.rendered.assign(text.data(), size);
  const bool is_alike_for_a_minute = is_good && !part.shows_seconds && second >= kWholeMinutesSince;
  part.rendered_begin = is_alike_for_a_minute ? second - parts.tm_sec : second;
  part.rendered_end = part.rendered_begin + (is_alike_for_a_minute ? 60 : 1);
}

// One walk over the headers, however many the path asks for.
void PathTemplate::find_values(const channel::EventView& event) {
  for (Header& wanted : headers_) wanted.value = {};
  event.for_each_header([this](const channel::HeaderView& header) {
    for (Header& wanted : headers_) {
      if (wanted.key == header.key) wanted.value = header.value;
    }
  });
}

bool PathTemplate::find_time(std::int64_t& time_ms) {
  if (!options_.uses_local_time && remembered_time(time_ms)) return true;
  time_ms = clock_->wall_ms();
  return options_.uses_local_time;
}

// Times of events that follow each other mostly differ in the last digits.
bool PathTemplate::remembered_time(std::int64_t& time_ms) {
  const std::string_view timestamp = headers_.front().value;
  const std::size_t size = timestamp.size();
  if (size > kVaryingDigits && size == time_text_.size()) {
    const std::size_t kept = size - kVaryingDigits;
    std::int64_t rest = 0;
    bool is_number = std::memcmp(timestamp.data(), time_text_.data(), kept) == 0;
    for (const char c : timestamp.substr(kept)) {
      is_number = is_number && c >= '0' && c <= '9';
      rest = rest * 10 + (c - '0');
    }
    if (is_number) {
      time_ms = time_base_ms_ + rest;
      return true;
    }
  }
  time_text_.clear();
  if (!parse_time(timestamp, time_ms)) return false;
  if (time_ms >= 0) {
    time_text_ = timestamp;
    time_base_ms_ = time_ms - time_ms % kVaryingMillis;
  }
  return true;
}

void append_path_safe(std::string_view value, std::string& out) {
  if (value.size() > PathTemplate::kHeaderBytesMax) {
    value = utf8_prefix(value, PathTemplate::kHeaderBytesMax);
  }
  const std::size_t begin = out.size();
  out += value;
  if (value.size() >= kWordBytes && !has_unsafe_byte(value)) return;
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), is_unsafe, '_');
}

}  // namespace spillway::agent
