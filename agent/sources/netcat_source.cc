// `netcat` source: a TCP server that makes an event of each line and answers OK or FAILED.
//
// One thread runs one event loop. The lines that all clients have ready form one transaction, so
// that a durable channel syncs once for many clients; replies stay per line and in order. Flume
// uses a thread per client and a transaction per line. A client that was not told OK sends again.
#include <array>
#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/counted_receive.h"
#include "agent/registry.h"
#include "agent/sources/netcat_lines.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using asio::ip::tcp;

constexpr std::array kOptions{
    OptionSpec{.name = "bind", .help = "Host name or address to listen on.", .is_required = true},
    OptionSpec{.name = "port",
               .type = OptionType::kCount,
               .help = "TCP port to listen on; 0: the kernel chooses, see the log.",
               .is_required = true,
               .max = 65'535},
    OptionSpec{.name = "max-line-length",
               .type = OptionType::kCount,
               .default_value = "512",
               .help = "Longest line in characters, newline included; a longer one ends the "
                       "connection.",
               .min = 1,
               .max = 67'108'864},
    OptionSpec{.name = "ack-every-event",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Answer OK to each accepted line; refused lines are always answered."},
    OptionSpec{.name = "encoding",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of the lines; bodies are UTF-8.",
               .choices = kEncodingChoices},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Most lines per transaction (not in Flume, which takes one).",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "maxConnections",
               .type = OptionType::kCount,
               .default_value = "1000",
               .help = "Clients beyond this number are turned away (not in Flume).",
               .min = 1,
               .max = 1'000'000},
};

constexpr std::size_t kReadBytes = 65'536;
constexpr std::size_t kUnsentBytesMax = 65'536;  // a client that does not read is not read either
constexpr std::chrono::milliseconds kAcceptPause{100};  // after a failure such as EMFILE

Error network_error(const std::error_code& error, const char* what) {
  return {.code = Errc::kUnavailable, .os_error = error.value(), .what = what};
}

struct Client {
  Client(tcp::socket connected, std::size_t line_chars_max, Encoding encoding)
      : socket(std::move(connected)), lines(line_chars_max, encoding) {}

  tcp::socket socket;
  NetcatLines lines;
  std::string replies;        // not yet handed to the kernel
  bool is_reading = false;    // waits for input
  bool is_writing = false;    // waits for room in the send buffer
  bool is_finishing = false;  // close once the replies are out
};
using ClientPtr = std::shared_ptr<Client>;

class NetcatSource final : public Source {
 public:
  NetcatSource(const ComponentContext& context, const Config& config, EventReceiver& receiver)
      : name_(context.name),
        bind_(config.string("bind")),
        port_(config.count("port")),
        line_chars_max_(config.count("max-line-length")),
        acks_every_event_(config.boolean("ack-every-event")),
        encoding_(encoding_named(config.string("encoding"))),
        batch_size_(config.count("batchSize")),
        clients_max_(config.count("maxConnections")),
        receiver_(receiver),
        acceptor_(loop_),
        accept_timer_(loop_) {}
  ~NetcatSource() override { stop(); }

  Result<void> start() override {
    TRY(listen());
    accept_next();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() override {
    if (!thread_.joinable()) return;
    asio::post(loop_, [this] { is_stopping_ = true; });
    thread_.join();
  }

  void collect(MetricSink& sink) const override {
    sink.gauge("netcat_listen_port", "TCP port listened on.", bound_port_.load());
    sink.counter("netcat_refused_connections_total", "Clients turned away: too many.",
                 refused_clients_.value());
    sink.counter("netcat_overlong_lines_total", "Connections ended because of a long line.",
                 overlong_lines_.value());
  }

 private:
  Result<void> listen() {
    std::error_code error;
    const auto found =
        tcp::resolver(loop_).resolve(bind_, std::to_string(port_), tcp::resolver::passive, error);
    if (error || found.empty()) return network_error(error, "cannot resolve bind address");
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor_.open(endpoint.protocol(), error);
    if (error) return network_error(error, "cannot create socket");
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (error) {
      const Error failure = network_error(error, "cannot listen on bind address and port");
      acceptor_.close(error);
      return failure;
    }
    bound_port_.store(acceptor_.local_endpoint(error).port());
    log_info("netcat.listening", "accepting connections",
             {{"source", name_}, {"bind", bind_}, {"port", bound_port_.load()}});
    return {};
  }

  // Everything below runs on thread_.

  void run() {
    while (!is_stopping_) {
      loop_.run_one();
      loop_.poll();  // whoever else is ready joins the transaction
      commit();
    }
    std::error_code ignored;
    acceptor_.close(ignored);
    while (!clients_.empty()) {
      const ClientPtr client = *clients_.begin();
      send(client);  // what fits without waiting
      close(client);
    }
    loop_.poll();  // lets the cancelled handlers release their clients
  }

  void accept_next() {
    acceptor_.async_accept([this](std::error_code error, tcp::socket socket) {
      if (is_stopping_ || error == asio::error::operation_aborted) return;
      if (error) {
        log_warn("netcat.accept_failed", "cannot accept a connection; will try again",
                 {{"source", name_}, {"error", network_error(error, "accept failed")}});
        accept_timer_.expires_after(kAcceptPause);
        accept_timer_.async_wait([this](std::error_code) { accept_next(); });
        return;
      }
      admit(std::move(socket));
      accept_next();
    });
  }

  void admit(tcp::socket socket) {
    if (clients_.size() >= clients_max_) {
      refused_clients_.add();
      log_warn("netcat.too_many_connections", "connection turned away",
               {{"source", name_}, {"maxConnections", clients_max_}});
      return;  // closes the socket
    }
    std::error_code error;
    socket.non_blocking(true, error);
    socket.set_option(asio::socket_base::keep_alive(true), error);  // finds dead peers
    socket.set_option(tcp::no_delay(true), error);
    const auto client = std::make_shared<Client>(std::move(socket), line_chars_max_, encoding_);
    clients_.insert(client);
    counters_.open_connections.add();
    wait_for_input(client);
  }

  void wait_for_input(const ClientPtr& client) {
    if (client->is_reading || client->is_finishing || !client->socket.is_open()) return;
    client->is_reading = true;
    client->socket.async_wait(tcp::socket::wait_read, [this, client](std::error_code error) {
      client->is_reading = false;
      if (error || is_stopping_ || !client->socket.is_open()) return;
      read(client);
    });
  }

  void read(const ClientPtr& client) {
    std::error_code error;
    const std::size_t count = client->socket.read_some(asio::buffer(piece_), error);
    if (error == asio::error::would_block || error == asio::error::interrupted) {
      return wait_for_input(client);
    }
    if (error && error != asio::error::eof) {
      counters_.read_failures.add();
      return close(client);
    }
    client->lines.append(std::string_view(piece_.data(), count));
    collect_lines(client);
    // Only now, or a commit on the way would close it; an unterminated rest is dropped.
    if (error == asio::error::eof) client->is_finishing = true;
  }

  // Moves the client's complete lines into the transaction, committing whenever it is full.
  void collect_lines(const ClientPtr& client) {
    waiting_.push_back(client);
    while (client->socket.is_open()) {
      const NetcatLines::Next next = client->lines.next(line_);
      if (next == NetcatLines::Next::kNeedMore) return;
      if (next == NetcatLines::Next::kTooLong) return refuse_overlong(client);
      batch_.add(line_);
      senders_.push_back(client);
      if (batch_.size() < batch_size_) continue;
      commit();
      waiting_.push_back(client);
    }
  }

  void refuse_overlong(const ClientPtr& client) {
    commit();  // replies are in the order of the lines
    overlong_lines_.add();
    log_warn("netcat.line_too_long", "connection ended: line beyond max-line-length",
             {{"source", name_}, {"max-line-length", line_chars_max_}});
    client->replies += "FAILED: Event exceeds the maximum length (" +
                       std::to_string(line_chars_max_) + " chars, including newline)\n";
    client->is_finishing = true;
    send(client);
  }

  // Hands the collected lines on, answers each, and lets their clients go on.
  void commit() {
    if (!batch_.is_empty()) {
      const auto received = receive_counted(receiver_, batch_, counters_, Attempt::kFirst);
      if (!received.has_value() && received.error().code == Errc::kTooLarge && batch_.size() > 1) {
        commit_one_by_one();
      } else {
        for (const ClientPtr& sender : senders_) answer(*sender, received);
      }
      batch_.clear();
      senders_.clear();
    }
    const std::vector<ClientPtr> waiting = std::exchange(waiting_, {});
    for (const ClientPtr& client : waiting) send(client);
  }

  // One line no channel can hold must not fail its neighbours.
  void commit_one_by_one() {
    Result<void> received;
    channel::EventBatch single;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      const bool is_refused = !received.has_value() && received.error().code != Errc::kTooLarge;
      if (!is_refused) {  // a full channel is not asked again for every line
        single.clear();
        single.add(batch_[i]);
        received = receive_counted(receiver_, single, counters_, Attempt::kRetry);
      }
      answer(*senders_[i], received);
    }
  }

  void answer(Client& client, const Result<void>& received) {
    if (received.has_value()) {
      if (acks_every_event_) client.replies += "OK\n";
      return;
    }
    log_warn("netcat.refused", "channels refuse a line; its client was told",
             {{"source", name_}, {"error", received.error()}});
    client.replies += "FAILED: " + to_string(received.error()) + "\n";
  }

  // Writes what fits, and decides what the client waits for next.
  void send(const ClientPtr& client) {
    if (!client->socket.is_open() || client->is_writing) return;
    while (!client->replies.empty()) {
      std::error_code error;
      const std::size_t sent = client->socket.write_some(asio::buffer(client->replies), error);
      client->replies.erase(0, sent);
      if (error == asio::error::would_block) {
        wait_for_room(client);
        break;
      }
      if (error && error != asio::error::interrupted) return close(client);
    }
    if (client->replies.empty() && client->is_finishing) return close(client);
    if (client->replies.size() < kUnsentBytesMax) wait_for_input(client);
  }

  void wait_for_room(const ClientPtr& client) {
    client->is_writing = true;
    client->socket.async_wait(tcp::socket::wait_write, [this, client](std::error_code error) {
      client->is_writing = false;
      if (!error) send(client);
    });
  }

  void close(const ClientPtr& client) {
    std::error_code ignored;
    client->socket.shutdown(tcp::socket::shutdown_both, ignored);
    client->socket.close(ignored);
    if (clients_.erase(client) > 0) counters_.closed_connections.add();
  }

  const std::string name_;
  const std::string bind_;
  const std::uint64_t port_;
  const std::size_t line_chars_max_;
  const bool acks_every_event_;
  const Encoding encoding_;
  const std::size_t batch_size_;
  const std::size_t clients_max_;
  EventReceiver& receiver_;

  std::atomic<std::uint16_t> bound_port_{0};
  Counter refused_clients_;
  Counter overlong_lines_;

  // Owned by thread_ while it runs.
  asio::io_context loop_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer accept_timer_;
  bool is_stopping_ = false;
  std::unordered_set<ClientPtr> clients_;
  channel::EventBatch batch_;       // lines not yet handed on
  std::vector<ClientPtr> senders_;  // of each of them
  std::vector<ClientPtr> waiting_;  // clients that go on after the next commit
  std::array<char, kReadBytes> piece_{};
  std::string line_;  // scratch
  std::thread thread_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  return std::unique_ptr<Source>(std::make_unique<NetcatSource>(context, config, receiver));
}

}  // namespace

const SourceType kNetcatSource{.name = "netcat",
                               .java_class = "org.apache.flume.source.NetcatSource",
                               .help = "Listens on TCP and turns each line into an event.",
                               .options = kOptions,
                               .batch_size = batch_size,
                               .create = create};

}  // namespace spillway::agent
