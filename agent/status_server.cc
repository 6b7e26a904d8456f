#include "agent/status_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <ctime>
#include <thread>
#include <utility>

#include "agent/status_page.h"
#include "agent/stop_signal.h"
#include "agent/thread_name.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

// A scraper, a probe and a browser at once, and one to spare; more clients wait.
constexpr std::size_t kThreads = 4;
constexpr std::size_t kPayloadBytesMax = 4096;  // nobody has a reason to send a body
constexpr std::size_t kRequestsPerConnection = 100;
constexpr std::time_t kKeepAliveSeconds = 2;  // an idle connection holds one of the threads
constexpr std::time_t kIoSeconds = 5;

constexpr const char* kPlainText = "text/plain; charset=utf-8";
constexpr const char* kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kJson = "application/json;charset=utf-8";  // as Flume sends it
constexpr const char* kHtml = "text/html; charset=utf-8";

constexpr std::string_view kChannelsPrefix = "/channels/";

// The library would also set SO_REUSEPORT: two agents would then share a port unnoticed.
void set_reuse_address(socket_t socket) {
  const int on = 1;
  static_cast<void>(setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
}

}  // namespace

bool wants_prometheus(std::string_view accept) {
  return accept.find("openmetrics") != std::string_view::npos ||
         accept.find("text/plain") != std::string_view::npos;
}

class StatusServer::Impl {
 public:
  Impl(const MetricsRegistry& registry, StatusServerOptions options, Agent* agent)
      : registry_(registry), options_(std::move(options)), agent_(agent) {}

  Result<void> start();
  void stop();
  [[nodiscard]] std::uint16_t port() const { return port_.load(); }

 private:
  void configure(httplib::Server& server);
  void add_routes(httplib::Server& server);
  void answer_metrics(const httplib::Request& request, httplib::Response& response) const;
  void answer_spill(const httplib::Request& request, httplib::Response& response) const;

  const MetricsRegistry& registry_;
  const StatusServerOptions options_;
  Agent* const agent_;  // nullptr: nothing can be switched

  std::unique_ptr<httplib::Server> server_;  // one per successful or failed start
  std::unique_ptr<StopSignal> accepting_;    // requested by the thread once stop() would work
  std::thread thread_;
  std::atomic<std::uint16_t> port_{0};
};

void StatusServer::Impl::configure(httplib::Server& server) {
  server.set_payload_max_length(kPayloadBytesMax);
  server.set_keep_alive_max_count(kRequestsPerConnection);
  server.set_keep_alive_timeout(kKeepAliveSeconds);
  server.set_read_timeout(kIoSeconds, 0);
  server.set_write_timeout(kIoSeconds, 0);
  server.set_socket_options(set_reuse_address);
  // The library asks for its threads when it begins to accept. It ignores a stop before that.
  server.new_task_queue = [accepting = accepting_.get()] {
    accepting->request();
    return std::make_unique<httplib::ThreadPool>(kThreads).release();
  };
  server.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    using Handled = httplib::Server::HandlerResponse;
    const bool is_switch = request.path.starts_with(kChannelsPrefix);
    if (request.method == "POST" && is_switch) return Handled::Unhandled;
    if (request.method == "GET" || request.method == "HEAD") return Handled::Unhandled;
    response.status = 405;
    response.set_header("Allow", is_switch ? "POST" : "GET, HEAD");
    return Handled::Handled;
  });
}

void StatusServer::Impl::answer_metrics(const httplib::Request& request,
                                        httplib::Response& response) const {
  const std::string asked = request.get_param_value("format");
  const bool is_prometheus = asked.empty()
                                 ? options_.format == MetricsFormat::kPrometheus ||
                                       wants_prometheus(request.get_header_value("Accept"))
                                 : asked == "prometheus";
  if (is_prometheus) {
    response.set_content(registry_.prometheus_text(), kPrometheusText);
  } else {
    response.set_content(registry_.flume_json(), kJson);
  }
}

// Only for who is on this host, and not for a page that a browser there shows.
void StatusServer::Impl::answer_spill(const httplib::Request& request,
                                      httplib::Response& response) const {
  const auto answer = [&response](int status, const char* text) {
    response.status = status;
    response.set_content(text, kPlainText);
  };
  const bool is_local = request.remote_addr == "127.0.0.1" || request.remote_addr == "::1";
  if (!is_local || request.has_header("Origin")) return answer(403, "only from this host\n");
  const std::string force = request.get_param_value("force");
  if (force != "true" && force != "false") return answer(400, "say force=true or force=false\n");
  if (agent_ == nullptr) return answer(404, "no such channel\n");
  switch (agent_->force_spilling(request.matches[1].str(), force == "true")) {
    case Agent::Switched::kDone:
      return answer(200, "ok\n");
    case Agent::Switched::kUnknown:
      return answer(404, "no such channel\n");
    case Agent::Switched::kNothingToSwitch:
      return answer(409, "this channel has no memory to spill\n");
  }
}

void StatusServer::Impl::add_routes(httplib::Server& server) {
  using httplib::Request;
  using httplib::Response;
  server.Get("/", [this](const Request&, Response& response) {
    response.set_content(status_page(registry_), kHtml);
  });
  server.Get("/metrics", [this](const Request& request, Response& response) {
    answer_metrics(request, response);
  });
  server.Get("/metrics/prometheus", [this](const Request&, Response& response) {
    response.set_content(registry_.prometheus_text(), kPrometheusText);
  });
  server.Post("/channels/([^/]+)/spill", [this](const Request& request, Response& response) {
    answer_spill(request, response);
  });
  server.Get("/healthz",
             [](const Request&, Response& response) { response.set_content("ok\n", kPlainText); });
  server.Get("/readyz", [this](const Request&, Response& response) {
    const std::string unready = unready_components(registry_);
    response.status = unready.empty() ? 200 : 503;
    response.set_content(unready.empty() ? "ok\n" : unready, kPlainText);
  });
}

Result<void> StatusServer::Impl::start() {
  CHECK(!thread_.joinable());
  server_ = std::make_unique<httplib::Server>();
  accepting_ = std::make_unique<StopSignal>();
  configure(*server_);
  add_routes(*server_);
  int port = options_.port;
  bool is_bound = false;
  if (port == 0) {
    port = server_->bind_to_any_port(options_.bind);
    is_bound = port > 0;
  } else {
    is_bound = server_->bind_to_port(options_.bind, port);
  }
  if (!is_bound) {
    return Error{.code = Errc::kUnavailable, .what = "cannot bind the status port"};
  }
  port_.store(static_cast<std::uint16_t>(port));
  thread_ = std::thread([server = server_.get(), accepting = accepting_.get()] {
    name_this_thread("status", "http");
    server->listen_after_bind();
    accepting->request();  // also when it could not begin
  });
  accepting_->wait();
  log_info("agent.status_port", "the status port is open",
           {{"url", "http://" + options_.bind + ":" + std::to_string(port) + "/"}});
  return {};
}

void StatusServer::Impl::stop() {
  if (thread_.joinable()) {
    server_->stop();
    thread_.join();
  }
  port_.store(0);
}

StatusServer::StatusServer(const MetricsRegistry& registry, const StatusServerOptions& options,
                           Agent* agent)
    : impl_(std::make_unique<Impl>(registry, options, agent)) {}

StatusServer::~StatusServer() {
  stop();
}

Result<void> StatusServer::start() {
  return impl_->start();
}

void StatusServer::stop() {
  impl_->stop();
}

std::uint16_t StatusServer::port() const {
  return impl_->port();
}

}  // namespace spillway::agent
