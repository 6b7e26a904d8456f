// `http` sink: posts events to an HTTP server.
//
// One event per request, as Flume, or a batch of them; rules say what each status code means. A
// batch of which one request fails is posted again as a whole, so the server sees events twice.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/net/tls_session.h"
#include "agent/registry.h"
#include "agent/sinks/http_poster.h"
#include "agent/sinks/http_rules.h"
#include "wal/base/mutex.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::array kOptions{
    OptionSpec{.name = "endpoint", .help = "URL to post to, http or https.", .is_required = true},
    OptionSpec{.name = "connectTimeout",
               .type = OptionType::kMillis,
               .default_value = "5000",
               .help = "Longest time to connect.",
               .min = 1,
               .max = 3'600'000},
    OptionSpec{.name = "requestTimeout",
               .type = OptionType::kMillis,
               .default_value = "5000",
               .help = "Longest time for a request and its answer.",
               .min = 1,
               .max = 3'600'000},
    OptionSpec{.name = "contentTypeHeader",
               .default_value = "text/plain",
               .help = "Header Content-Type of the requests."},
    OptionSpec{.name = "acceptHeader",
               .default_value = "text/plain",
               .help = "Header Accept of the requests."},
    OptionSpec{.name = "defaultBackoff",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Wait before the next request after a status code without a rule; 2XX needs "
                       "none to mean success."},
    OptionSpec{.name = "defaultRollback",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Post the events again after a status code without a rule; false: the "
                       "server refuses them for good."},
    OptionSpec{.name = "defaultIncrementMetrics",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Count the events as delivered after a status code without a rule."},
    OptionSpec{.name = "backoff.*",
               .type = OptionType::kBool,
               .help = "backoff.<code>: the same for a code (503) or a group (5XX)."},
    OptionSpec{.name = "rollback.*",
               .type = OptionType::kBool,
               .help = "rollback.<code>: the same for a code or a group."},
    OptionSpec{.name = "incrementMetrics.*",
               .type = OptionType::kBool,
               .help = "incrementMetrics.<code>: the same for a code or a group."},
    OptionSpec{.name = "requestBody",
               .type = OptionType::kEnum,
               .default_value = "event",
               .help = "What a request holds: the body of one event; with lines the bodies of a "
                       "batch, each with a newline; with json a batch as Flume's http source "
                       "takes it (not in Flume).",
               .choices = "event|lines|json"},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .help = "Events per transaction; default 1 with requestBody = event, else 100 (not "
                       "in Flume, which takes one).",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "maxRequestLength",
               .type = OptionType::kBytes,
               .default_value = "8MiB",
               .help = "A batch beyond this is posted in several requests (not in Flume).",
               .min = 1024,
               .max = 1024 * kMiB},
    OptionSpec{.name = "proxy", .help = "URL of a proxy to post through (not in Flume)."},
    OptionSpec{.name = "caFile",
               .type = OptionType::kPath,
               .help = "PEM file with the certificates to trust for https; default: the system's "
                       "(not in Flume)."},
    OptionSpec{.name = "trust-all-certs",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Do not verify the server's certificate (not in Flume)."},
};

// Flume's pauses: a second more for each time in a row.
constexpr std::uint64_t kBackoffStepMs = 1'000;
constexpr std::uint64_t kBackoffMaxMs = 5'000;

enum class RequestBody : std::uint8_t { kEvent, kLines, kJson };

RequestBody request_body(const Config& config) {
  const std::string& name = config.string("requestBody");
  if (name == "lines") return RequestBody::kLines;
  return name == "json" ? RequestBody::kJson : RequestBody::kEvent;
}

std::size_t batch_size(const Config& config) {
  if (config.is_given("batchSize")) return config.count("batchSize");
  return request_body(config) == RequestBody::kEvent ? 1 : 100;
}

HttpPosterOptions poster_options(const Config& config) {
  return {.url = config.string("endpoint"),
          .content_type = config.string("contentTypeHeader"),
          .accept = config.string("acceptHeader"),
          .proxy = config.string("proxy"),
          .ca_file = config.string("caFile"),
          .trusts_all = config.boolean("trust-all-certs"),
          .connect_timeout_ms = config.millis("connectTimeout"),
          .request_timeout_ms = config.millis("requestTimeout")};
}

void append_json(const channel::EventView& event, std::string& out) {
  nlohmann::ordered_json object;
  object["headers"] = nlohmann::ordered_json::object();
  event.for_each_header([&](const channel::HeaderView& header) {
    object["headers"][std::string(header.key)] = header.value;
  });
  object["body"] = event.body();
  // What is no UTF-8 cannot be said in JSON.
  out += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

class HttpSink final : public Sink {
 public:
  HttpSink(const Config& config, HttpRules rules)
      : request_body_(request_body(config)),
        batch_size_(agent::batch_size(config)),
        request_bytes_max_(config.bytes("maxRequestLength")),
        rules_(std::move(rules)),
        poster_(poster_options(config)) {}

  Result<void> start() override { return {}; }

  void stop() override {
    poster_.close();
    if (is_connected_) counters_.connections_closed.add();
    is_connected_ = false;
  }

  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }

  void interrupt() override {
    const MutexLock lock(pause_mutex_);
    is_hurried_ = true;
    pause_ends_.notify_all();
  }

  Result<void> deliver(std::span<const channel::EventView> batch) override {
    {
      const MutexLock lock(pause_mutex_);
      is_hurried_ = false;
    }
    std::size_t begin = 0;
    while (begin < batch.size()) {
      const std::size_t end = compose(batch, begin);
      if (!request_events_.empty()) TRY(post());
      begin = end;
    }
    return {};
  }

  void collect(MetricSink& sink) const override {
    sink.counter("http_requests_total", "Requests that were answered.", requests_.value());
    sink.counter("http_counted_events_total", "Events whose answer counts (incrementMetrics).",
                 counted_.value());
    sink.counter("http_given_up_events_total",
                 "Events the server refused and the rules do not post again.", given_up_.value());
    sink.counter("http_empty_events_total", "Events without a body; they are not posted.",
                 empty_.value());
    sink.histogram("http_request_duration_ns", "Time from a request to its answer.", request_ns_);
  }

 private:
  // Makes the next request of events from `begin` on; returns where the one after it begins.
  std::size_t compose(std::span<const channel::EventView> batch, std::size_t begin) {
    request_.clear();
    request_events_.clear();
    std::size_t at = begin;
    while (at < batch.size()) {
      const channel::EventView& event = batch[at];
      if (request_body_ != RequestBody::kJson && event.body().empty()) {
        empty_.add();  // Flume commits it without a request
        ++at;
        continue;
      }
      const std::size_t before = request_.size();
      append(event);
      if (!request_events_.empty() && request_.size() > request_bytes_max_) {
        request_.resize(before);
        break;
      }
      request_events_.push_back(at++);
      if (request_body_ == RequestBody::kEvent) break;
    }
    if (request_body_ == RequestBody::kJson) request_ += ']';
    return at;
  }

  void append(const channel::EventView& event) {
    switch (request_body_) {
      case RequestBody::kEvent:
        request_ += event.body();
        return;
      case RequestBody::kLines:
        request_ += event.body();
        if (!event.body().ends_with('\n')) request_ += '\n';
        return;
      case RequestBody::kJson:
        request_ += request_.empty() ? '[' : ',';
        append_json(event, request_);
        return;
    }
  }

  Result<void> post() {
    wait_out_backoff();
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = poster_.post(request_);
    if (!answer.has_value()) {
      counters_.connections_failed.add();
      if (is_connected_) counters_.connections_closed.add();
      is_connected_ = false;
      return answer.error();
    }
    request_ns_.record(static_cast<std::uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count()));
    requests_.add();
    count_connection(answer.value().is_connection_new);
    return judge(answer.value().status);
  }

  void count_connection(bool is_new) {
    if (!is_new) return;
    if (is_connected_) counters_.connections_closed.add();
    counters_.connections_created.add();
    is_connected_ = true;
  }

  Result<void> judge(long status) {
    const HttpVerdict verdict = rules_.verdict(status);
    if (verdict.rolls_back) {  // the runner waits before it comes again
      backoffs_in_row_ = 0;
      return Error{.code = Errc::kUnavailable,
                   .what = "the status code of the answer means: post again",
                   .at = static_cast<std::uint64_t>(status)};
    }
    backoffs_in_row_ = verdict.backs_off ? backoffs_in_row_ + 1 : 0;
    if (verdict.is_counted) counted_.add(request_events_.size());
    if (status / 100 != 2) {
      given_up_.add(request_events_.size());
      const std::string reason = "HTTP status " + std::to_string(status);
      for (const std::size_t index : request_events_) refuse(index, reason);
    }
    return {};
  }

  void wait_out_backoff() {
    if (backoffs_in_row_ == 0) return;
    const auto end = std::chrono::steady_clock::now() +
                     milliseconds(std::min(backoffs_in_row_ * kBackoffStepMs, kBackoffMaxMs));
    MutexLock lock(pause_mutex_);
    while (!is_hurried_) {
      const auto left = end - std::chrono::steady_clock::now();
      if (left <= left.zero()) return;
      pause_ends_.wait_for(lock, left);
    }
  }

  const RequestBody request_body_;
  const std::size_t batch_size_;
  const std::size_t request_bytes_max_;
  const HttpRules rules_;

  HttpPoster poster_;
  bool is_connected_ = false;
  std::uint64_t backoffs_in_row_ = 0;        // answers that mean: go on, but slowly
  std::string request_;                      // the one in hand
  std::vector<std::size_t> request_events_;  // their indexes in the batch
  Mutex pause_mutex_;
  CondVar pause_ends_;
  bool is_hurried_ GUARDED_BY(pause_mutex_) = false;  // for the rest of this deliver()

  Counter requests_;
  Counter counted_;
  Counter given_up_;
  Counter empty_;
  Histogram request_ns_;
};

Result<std::unique_ptr<Sink>> create(const ComponentContext& /*context*/, const Config& config) {
  TRY(HttpPoster::check_url(config.string("endpoint")));
  TRY_ASSIGN(HttpRules rules, HttpRules::read(config));
  return std::unique_ptr<Sink>(std::make_unique<HttpSink>(config, std::move(rules)));
}

std::vector<std::string> examine(const Config& config) {
  if (config.string("caFile").empty()) return {};
  const auto checked = check_trust_store(config.string("caFile"), "");
  if (checked.has_value()) return {};
  return {"caFile: " + to_string(checked.error())};
}

}  // namespace

const SinkType kHttpSink{.name = "http",
                         .java_class = "org.apache.flume.sink.http.HttpSink",
                         .help = "Posts events to an HTTP server.",
                         .options = kOptions,
                         .batch_size = batch_size,
                         .create = create,
                         .examine = examine};

}  // namespace spillway::agent
