#include "agent/sources/http_handlers.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "agent/option_value.h"
#include "agent/sources/unicode_text.h"

namespace spillway::agent {
namespace {

// Receives the parts of an array of events in order. Gson's rules: values that are no text become
// their literal text, unknown members are skipped, null is absent.
class EventReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit EventReader(UnicodeForm form, channel::EventBatch& batch) : form_(form), batch_(batch) {}

  bool null() override { return value(std::nullopt); }
  bool boolean(bool is_true) override { return value(is_true ? "true" : "false"); }
  bool number_integer(number_integer_t number) override { return value(std::to_string(number)); }
  bool number_unsigned(number_unsigned_t number) override { return value(std::to_string(number)); }
  bool number_float(number_float_t, const string_t& literal) override { return value(literal); }
  bool string(string_t& text) override { return value(std::move(text)); }
  bool binary(binary_t&) override { return false; }

  bool start_array(std::size_t) override {
    if (skipped_depth_ > 0 || place_ == Place::kSkippedMember) return skip_in();
    if (place_ != Place::kOutside || has_array_) return false;
    has_array_ = true;
    place_ = Place::kArray;
    return true;
  }
  bool end_array() override {
    if (skipped_depth_ > 0) return skip_out();
    place_ = Place::kOutside;
    return true;
  }
  bool start_object(std::size_t) override {
    if (skipped_depth_ > 0 || place_ == Place::kSkippedMember) return skip_in();
    if (place_ == Place::kArray) {
      place_ = Place::kEvent;
      headers_.clear();
      body_.clear();
      return true;
    }
    if (place_ != Place::kHeadersMember) return false;
    headers_.clear();
    place_ = Place::kHeaders;
    return true;
  }
  bool end_object() override {
    if (skipped_depth_ > 0) return skip_out();
    if (place_ == Place::kHeaders) {
      place_ = Place::kEvent;
      return true;
    }
    place_ = Place::kArray;
    add_event();
    return true;
  }
  bool key(string_t& name) override {
    if (skipped_depth_ > 0) return true;
    if (place_ == Place::kHeaders || place_ == Place::kHeaderValue) {
      place_ = Place::kHeaderValue;
      key_ = std::move(name);
      return true;
    }
    place_ = name == "headers" ? Place::kHeadersMember
             : name == "body"  ? Place::kBodyMember
                               : Place::kSkippedMember;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

  [[nodiscard]] bool has_array() const { return has_array_; }

 private:
  enum class Place : std::uint8_t {
    kOutside,
    kArray,
    kEvent,
    kHeadersMember,
    kBodyMember,
    kSkippedMember,
    kHeaders,
    kHeaderValue,
  };

  bool skip_in() {
    ++skipped_depth_;
    return true;
  }
  bool skip_out() {
    if (--skipped_depth_ == 0) place_ = Place::kEvent;
    return true;
  }

  bool value(std::optional<std::string> text) {
    if (skipped_depth_ > 0) return true;
    switch (place_) {
      case Place::kHeaderValue:
        place_ = Place::kHeaders;
        return !text || headers_.emplace(std::move(key_), std::move(*text)).second;
      case Place::kBodyMember:
        body_ = std::move(text).value_or("");
        place_ = Place::kEvent;
        return true;
      case Place::kHeadersMember:  // only null may stand for an object
        place_ = Place::kEvent;
        return !text;
      case Place::kSkippedMember:
        place_ = Place::kEvent;
        return true;
      default:
        return false;
    }
  }

  void add_event() {
    views_.clear();
    for (const auto& [name, text] : headers_) views_.push_back({.key = name, .value = text});
    batch_.add(views_, from_utf8(body_, form_));
  }

  const UnicodeForm form_;
  channel::EventBatch& batch_;
  Place place_ = Place::kOutside;
  std::size_t skipped_depth_ = 0;
  bool has_array_ = false;
  std::string key_;
  std::map<std::string, std::string> headers_;
  std::string body_;
  std::vector<channel::HeaderView> views_;
};

// The value of `charset` in a Content-Type, in lower case; empty when there is none.
std::string charset_of(const std::string& content_type) {
  const std::string lower = to_lower(content_type);
  const std::size_t found = lower.find("charset=");
  if (found == std::string::npos) return "";
  std::string charset = lower.substr(found + 8);
  charset = charset.substr(0, charset.find_first_of("; \t"));
  std::erase(charset, '"');
  return charset;
}

std::optional<char> hex_value(std::string_view text) {
  int value = 0;
  for (const char c : text) {
    if (!std::isxdigit(static_cast<unsigned char>(c))) return std::nullopt;
    const int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    value = value * 16 + digit;
  }
  return static_cast<char>(value);
}

std::string url_decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+') {
      out += ' ';
    } else if (const auto byte = text[at] == '%' && at + 2 < text.size()
                                     ? hex_value(text.substr(at + 1, 2))
                                     : std::nullopt) {
      out += *byte;
      at += 2;
    } else {
      out += text[at];
    }
  }
  return out;
}

// The first value of each parameter, as in Flume.
std::map<std::string, std::string> query_parameters(std::string_view target) {
  std::map<std::string, std::string> parameters;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return parameters;
  std::string_view query = target.substr(mark + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    parameters.emplace(url_decoded(pair.substr(0, equals)), url_decoded(value));
  }
  return parameters;
}

}  // namespace

HttpHandled handle_json(const HttpRequest& request, channel::EventBatch& batch) {
  const auto form = unicode_form_named(charset_of(request.content_type));
  if (!form)
    return {.status = 500, .reason = "JSON handler supports UTF-8, UTF-16 and UTF-32 only"};
  const auto text = to_utf8(request.body, *form);
  if (!text) return {.status = 400, .reason = "the body is not in its character set"};
  channel::EventBatch parsed;
  EventReader reader(*form, parsed);
  if (!nlohmann::json::sax_parse(*text, &reader) || !reader.has_array()) {
    return {.status = 400, .reason = "the body is no JSON array of events"};
  }
  for (std::size_t i = 0; i < parsed.size(); ++i) batch.add(parsed[i]);
  return {};
}

HttpHandled handle_blob(const HttpRequest& request, const std::vector<std::string>& mandatory,
                        channel::EventBatch& batch) {
  const auto parameters = query_parameters(request.target);
  for (const std::string& name : mandatory) {
    if (!parameters.contains(name)) {
      return {.status = 500, .reason = "a mandatory parameter is missing"};
    }
  }
  std::vector<channel::HeaderView> headers;
  for (const auto& [name, value] : parameters) headers.push_back({.key = name, .value = value});
  batch.add(headers, request.body);
  return {};
}

}  // namespace spillway::agent
