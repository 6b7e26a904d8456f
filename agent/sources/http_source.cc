// `http` source: events posted over HTTP/1.1, as JSON or as whole bodies. Flume: HTTPSource.
//
// Runs on StreamServer's event loop and not on cpp-httplib, which serves the status port: that
// holds a thread per connection, so thousands of kept-alive clients, or a few slow ones, would
// keep everybody else out. Requests of several clients share a transaction; each is stored as a
// whole or not at all, and answered in its order.
#include <array>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "agent/net/stream_buffer.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/sources/http_handlers.h"
#include "agent/sources/http_options.h"
#include "agent/sources/http_request.h"
#include "agent/sources/inflate_body.h"

namespace spillway::agent {
namespace {

struct HttpSettings {
  HttpLimits limits;
  std::size_t decompressed_bytes_max = 0;
  bool is_blob = false;
  std::vector<std::string> mandatory;
};

const char* status_text(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

void append_response(int status, std::string_view reason, bool keeps_alive, bool is_head,
                     std::string& out) {
  out += "HTTP/1.1 ";
  out += std::to_string(status);
  out += ' ';
  out += status_text(status);
  const std::size_t length = reason.empty() ? 0 : reason.size() + 1;
  out += "\r\nContent-Length: " + std::to_string(length);
  if (length > 0) out += "\r\nContent-Type: text/plain; charset=utf-8";
  if (status == 405) out += "\r\nAllow: GET, HEAD, POST";
  if (!keeps_alive) out += "\r\nConnection: close";
  out += "\r\n\r\n";
  if (length == 0 || is_head) return;
  out += reason;
  out += '\n';
}

class HttpDecoder final : public StreamDecoder {
 public:
  HttpDecoder(const HttpSettings& settings, BodyBudget& budget, SourceCounters& counters)
      : settings_(settings), counters_(counters), requests_(settings.limits, budget) {}

  void feed(const StreamPiece& piece) override { buffer_.feed(piece); }
  void settle() override { buffer_.settle(); }

  Next next(channel::EventBatch& batch) override {
    if (is_closing_) return Next::kNeedMore;
    std::size_t used = 0;
    const HttpRequests::Next found = requests_.next(buffer_.view(), used);
    buffer_.consume(used);
    if (found == HttpRequests::Next::kNeedMore) return Next::kNeedMore;
    if (found == HttpRequests::Next::kRefused) return Next::kEnd;
    HttpRequest& request = requests_.request();
    const HttpHandled handled = handle(request, batch);
    if (handled.status != 200) counters_.read_failures.add();
    is_closing_ = !request.keeps_alive;
    pending_.push_back({.status = handled.status,
                        .reason = handled.reason,
                        .keeps_alive = request.keeps_alive,
                        .is_head = request.method == "HEAD"});
    request = {};
    return Next::kUnit;
  }

  void answer(const Result<void>& received, std::string& replies) override {
    Pending reply = pending_.front();
    pending_.pop_front();
    if (reply.status == 200 && !received.has_value()) {
      // One that no channel can ever hold is not worth sending again.
      reply.status = received.error().code == Errc::kTooLarge ? 413 : 503;
      reply.reason = received.error().what;
    }
    append_response(reply.status, reply.reason, reply.keeps_alive, reply.is_head, replies);
    is_done_ = !reply.keeps_alive;
  }

  void last_words(std::string& replies) override {
    counters_.read_failures.add();
    append_response(requests_.status(), "the request was not read to its end", false, false,
                    replies);
  }

  [[nodiscard]] bool is_done() const override { return is_done_; }

  void take_interim(std::string& replies) override {
    if (requests_.takes_continue()) replies += "HTTP/1.1 100 Continue\r\n\r\n";
  }

 private:
  struct Pending {
    int status = 200;
    const char* reason = "";
    bool keeps_alive = false;
    bool is_head = false;
  };

  HttpHandled handle(HttpRequest& request, channel::EventBatch& batch) const {
    if (request.method == "TRACE" || request.method == "OPTIONS") {
      return {.status = 403, .reason = "TRACE and OPTIONS are not allowed"};
    }
    // GET is handled like POST, as in Flume.
    if (request.method != "POST" && request.method != "GET" && request.method != "HEAD") {
      return {.status = 405, .reason = "use POST"};
    }
    if (const HttpHandled decoded = decode(request); decoded.status != 200) return decoded;
    if (settings_.is_blob) return handle_blob(request, settings_.mandatory, batch);
    return handle_json(request, batch);
  }

  [[nodiscard]] HttpHandled decode(HttpRequest& request) const {
    const std::string& encoding = request.content_encoding;
    if (encoding.empty() || encoding == "identity") return {};
    if (encoding != "gzip" && encoding != "x-gzip" && encoding != "deflate") {
      return {.status = 415, .reason = "Content-Encoding may be gzip or deflate"};
    }
    auto inflated = inflate_body(request.body, settings_.decompressed_bytes_max);
    if (!inflated.has_value()) {
      const bool is_too_large = inflated.error().code == Errc::kTooLarge;
      return {.status = is_too_large ? 413 : 400, .reason = inflated.error().what};
    }
    request.body = std::move(inflated.value());
    return {};
  }

  const HttpSettings& settings_;
  SourceCounters& counters_;
  HttpRequests requests_;
  StreamBuffer buffer_;
  std::deque<Pending> pending_;  // requests not yet answered
  bool is_closing_ = false;      // the client asked for the end: nothing is read after it
  bool is_done_ = false;
};

std::vector<std::string> split_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

class HttpSource final : public Source {
 public:
  HttpSource(const ComponentContext& context, const Config& config, EventReceiver& receiver)
      : settings_({.limits = {.header_bytes_max = config.bytes("maxHeaderBytes"),
                              .body_bytes_max = config.bytes("maxRequestBytes")},
                   .decompressed_bytes_max = config.bytes("maxDecompressedBytes"),
                   .is_blob = config.string("handler").find("blob") != std::string::npos,
                   .mandatory = split_commas(config.string("handler.mandatoryParameters"))}),
        budget_({.bytes_max = config.bytes("maxBufferedBytes")}),
        server_(http_server_options(context, config), receiver, counters_, [this](const Peer&) {
          return std::make_unique<HttpDecoder>(settings_, budget_, counters_);
        }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  const HttpSettings settings_;
  BodyBudget budget_;  // server thread
  StreamServer server_;
};

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  return std::unique_ptr<Source>(std::make_unique<HttpSource>(context, config, receiver));
}

}  // namespace

const SourceType kHttpSource{.name = "http",
                             .java_class = "org.apache.flume.source.http.HTTPSource",
                             .help = "Listens for HTTP requests that carry events.",
                             .options = kHttpOptions,
                             .batch_size = batch_size_of,
                             .create = create,
                             .examine = examine_http_tls};

}  // namespace spillway::agent
