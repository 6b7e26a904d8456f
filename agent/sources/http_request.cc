#include "agent/sources/http_request.h"

#include <http_parser.h>

#include <algorithm>
#include <utility>

#include "agent/option_value.h"

namespace spillway::agent {

struct HttpRequests::State {
  State(const HttpLimits& given, BodyBudget& shared) : limits(given), budget(shared) {
    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = this;
  }
  ~State() { budget.bytes -= charged; }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Called by the parser; what is not 0 ends the parsing.
  static State* of(::http_parser* parser) { return static_cast<State*>(parser->data); }
  static ::http_parser_settings callbacks();
  int begin();
  int add_head(std::size_t bytes);
  int add_name(std::string_view text);
  int add_value(std::string_view text);
  int end_head();
  int add_body(std::string_view text);
  int refuse(int why) {
    status = why;
    return -1;
  }
  void finish_header();

  const HttpLimits limits;
  BodyBudget& budget;
  ::http_parser parser{};
  HttpRequest request;
  std::string name;  // header line being read
  std::string value;
  bool has_value = false;
  std::size_t head_bytes = 0;
  std::size_t charged = 0;  // of the budget
  bool expects_continue = false;
  bool is_complete = false;
  int status = 0;
};

int HttpRequests::State::begin() {
  request = {};
  name.clear();
  value.clear();
  has_value = false;
  head_bytes = 0;
  expects_continue = false;
  return 0;
}

int HttpRequests::State::add_head(std::size_t bytes) {
  head_bytes += bytes;
  return head_bytes > limits.header_bytes_max ? refuse(431) : 0;
}

int HttpRequests::State::add_name(std::string_view text) {
  if (has_value) finish_header();
  name += text;
  return add_head(text.size());
}

int HttpRequests::State::add_value(std::string_view text) {
  const std::size_t separator = has_value ? 0 : 1;  // once, in however many pieces it comes
  has_value = true;
  value += text;
  return add_head(text.size() + separator);
}

void HttpRequests::State::finish_header() {
  const std::string lower = to_lower(name);
  if (lower == "content-type") request.content_type = value;
  if (lower == "content-encoding") request.content_encoding = to_lower(value);
  if (lower == "expect" && to_lower(value) == "100-continue") expects_continue = true;
  name.clear();
  value.clear();
  has_value = false;
}

int HttpRequests::State::end_head() {
  if (has_value) finish_header();
  const bool has_length = (parser.flags & F_CONTENTLENGTH) != 0;
  if (has_length && parser.content_length > limits.body_bytes_max) return refuse(413);
  return parser.upgrade != 0 ? refuse(400) : 0;
}

int HttpRequests::State::add_body(std::string_view text) {
  expects_continue = false;
  if (request.body.size() + text.size() > limits.body_bytes_max) return refuse(413);
  if (budget.bytes + text.size() > budget.bytes_max) return refuse(503);
  budget.bytes += text.size();
  charged += text.size();
  request.body += text;
  return 0;
}

::http_parser_settings HttpRequests::State::callbacks() {
  ::http_parser_settings made{};
  ::http_parser_settings_init(&made);
  made.on_message_begin = [](::http_parser* from) { return of(from)->begin(); };
  made.on_url = [](::http_parser* from, const char* at, std::size_t length) {
    auto* const self = of(from);
    self->request.target.append(at, length);
    return self->add_head(length);
  };
  made.on_header_field = [](::http_parser* from, const char* at, std::size_t length) {
    return of(from)->add_name({at, length});
  };
  made.on_header_value = [](::http_parser* from, const char* at, std::size_t length) {
    return of(from)->add_value({at, length});
  };
  made.on_headers_complete = [](::http_parser* from) { return of(from)->end_head(); };
  made.on_body = [](::http_parser* from, const char* at, std::size_t length) {
    return of(from)->add_body({at, length});
  };
  made.on_message_complete = [](::http_parser* from) {
    of(from)->is_complete = true;
    ::http_parser_pause(from, 1);  // one request at a time
    return 0;
  };
  return made;
}

HttpRequests::HttpRequests(const HttpLimits& limits, BodyBudget& budget)
    : state_(std::make_unique<State>(limits, budget)) {}

HttpRequests::~HttpRequests() = default;

HttpRequest& HttpRequests::request() {
  return state_->request;
}

int HttpRequests::status() const {
  return state_->status;
}

bool HttpRequests::takes_continue() {
  return std::exchange(state_->expects_continue, false);
}

HttpRequests::Next HttpRequests::next(std::string_view input, std::size_t& used) {
  static const ::http_parser_settings kCallbacks = State::callbacks();
  State& state = *state_;
  used = 0;
  if (state.status != 0) return Next::kRefused;
  if (input.empty()) return Next::kNeedMore;
  used = ::http_parser_execute(&state.parser, &kCallbacks, input.data(), input.size());
  if (state.is_complete) {
    ::http_parser_pause(&state.parser, 0);
    state.is_complete = false;
    state.request.method = ::http_method_str(static_cast<::http_method>(state.parser.method));
    state.request.keeps_alive = ::http_should_keep_alive(&state.parser) != 0;
    state.budget.bytes -= std::exchange(state.charged, 0);
    used = std::min(used, input.size());
    return Next::kRequest;
  }
  const auto error = static_cast<::http_errno>(state.parser.http_errno);
  if (error == HPE_OK) return Next::kNeedMore;
  if (state.status == 0) state.status = error == HPE_HEADER_OVERFLOW ? 431 : 400;
  return Next::kRefused;
}

}  // namespace spillway::agent
