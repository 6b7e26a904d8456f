#include "agent/net/stream_server.h"

#include <pthread.h>
#include <signal.h>

#include <asio.hpp>
#include <deque>
#include <span>
#include <thread>
#include <unordered_set>
#include <utility>

#include "agent/net/group_commit.h"
#include "agent/net/stream_client.h"
#include "agent/net/tcp_listener.h"
#include "agent/thread_name.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using asio::ip::tcp;
using std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 131'072;
constexpr std::size_t kRestRoom = 16'384;        // before them: for the rest of what was read last
constexpr std::size_t kVisitBytes = 1'048'576;   // of one client, before others have their turn
constexpr std::size_t kUnsentBytesMax = 65'536;  // a client that does not read is not read either
constexpr std::chrono::milliseconds kRetryFirst{20};
constexpr std::chrono::milliseconds kRetryMax{1000};
constexpr std::chrono::milliseconds kListenPause{5000};
constexpr std::chrono::milliseconds kIdleCheck{250};
constexpr std::chrono::milliseconds kLingerMax{5000};

// An IPv4 client of a socket for both protocols is shown as what it is.
std::string address_text(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

// OpenSSL writes to sockets without MSG_NOSIGNAL.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

class StreamServer::Loop {
 public:
  explicit Loop(StreamServer& server)
      : server_(server),
        options_(server.options_),
        commit_(server.options_.source_name,
                {.has_answers = server.options_.has_answers,
                 .retries_refused = server.options_.retries_refused},
                server.receiver_, server.counters_, server.metrics_.dropped_events),
        piece_(kRestRoom + kReadBytes) {
    for (const std::uint16_t port : options_.ports) {
      listeners_.emplace_back(loop_, options_.source_name, options_.host, port);
    }
  }

  Result<void> start() {
    if (options_.tls) {
      TRY_ASSIGN(tls_, TlsContext::open(*options_.tls));
    }
    Result<void> failure;
    bool is_any_listening = false;
    for (TcpListener& listener : listeners_) {
      if (const auto listening = listener.listen(); listening.has_value()) {
        is_any_listening = true;
      } else {
        failure = listening.error();
      }
    }
    if (!is_any_listening) return failure;
    server_.metrics_.first_port.store(listeners_.front().bound_port());
    for (TcpListener& listener : listeners_) serve(listener);
    if (options_.idle_timeout.count() > 0) check_idle();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    asio::post(loop_, [this] { is_stopping_ = true; });
    thread_.join();
  }

 private:
  // Everything below runs on thread_, or before it.

  void run() {
    name_this_thread("tcp", options_.source_name);
    block_sigpipe();
    while (!is_stopping_) {
      loop_.run_one();
      loop_.poll();  // whoever else is ready joins the transaction
      commit();
    }
    for (TcpListener& listener : listeners_) listener.close();
    retry_timer_.cancel();
    idle_timer_.cancel();
    listen_timer_.cancel();
    resolver_.cancel();
    if (is_blocked_ && commit_.commit() == GroupCommit::Outcome::kBlocked) commit_.drop();
    while (!clients_.empty()) {
      const StreamClientPtr client = *clients_.begin();
      send(client);  // what fits without waiting
      close(client);
    }
    waiting_.clear();
    loop_.poll();  // lets the cancelled handlers release their clients
  }

  void serve(TcpListener& listener) {
    if (listener.is_listening()) {
      const std::uint16_t port = listener.bound_port();
      return listener.serve([this, port](tcp::socket socket) { admit(std::move(socket), port); });
    }
    log_warn("tcp.port_unavailable", "one of several ports cannot be listened on; will try again",
             {{"source", options_.source_name}, {"port", listener.asked_port()}});
    listen_timer_.expires_after(kListenPause);
    listen_timer_.async_wait([this](std::error_code stopped) {
      if (stopped || is_stopping_) return;
      for (TcpListener& each : listeners_) {
        if (each.is_listening()) continue;
        static_cast<void>(each.listen());
        serve(each);
      }
    });
  }

  void admit(tcp::socket socket, std::uint16_t local_port) {
    if (is_stopping_) return;
    if (clients_.size() >= options_.connections_max) {
      server_.metrics_.refused_connections.add();
      log_warn("tcp.too_many_connections", "connection turned away",
               {{"source", options_.source_name}, {"maxConnections", options_.connections_max}});
      return;  // closes the socket
    }
    std::error_code error;
    const tcp::endpoint remote = socket.remote_endpoint(error);
    if (error) return;  // gone already
    socket.non_blocking(true, error);
    socket.set_option(asio::socket_base::keep_alive(true), error);  // finds dead peers
    socket.set_option(tcp::no_delay(true), error);
    const auto client = std::make_shared<StreamClient>(std::move(socket));
    if (tls_ != nullptr) {
      client->tls = tls_->session(client->socket.native_handle());
      if (client->tls == nullptr) return;  // out of memory
    }
    client->active_at = steady_clock::now();
    clients_.insert(client);
    server_.counters_.open_connections.add();
    const std::string address = address_text(remote.address());
    const Peer peer{
        .address = address, .host_name = address, .port = remote.port(), .local_port = local_port};
    if (!options_.wants_host_names) return begin(client, peer);
    // Asio asks on a thread of its own: the other clients do not wait for a slow name server.
    resolver_.async_resolve(remote, [this, client, peer](std::error_code failed,
                                                         const tcp::resolver::results_type& found) {
      if (is_stopping_ || !client->socket.is_open()) return;
      Peer named = peer;
      if (!failed && !found.empty()) named.host_name = found.begin()->host_name();
      begin(client, named);
    });
  }

  void begin(const StreamClientPtr& client, const Peer& peer) {
    client->decoder = server_.make_decoder_(peer);
    wait_for_input(client);
  }

  void wait_for_input(const StreamClientPtr& client) {
    if (client->is_reading || client->is_finishing || client->has_ended) return;
    if (!client->socket.is_open()) return;
    client->is_reading = true;
    if (client->tls != nullptr && client->tls->has_pending()) {
      return asio::post(loop_, [this, client] { on_readable(client, {}); });
    }
    client->socket.async_wait(tcp::socket::wait_read, [this, client](std::error_code error) {
      on_readable(client, error);
    });
  }

  void on_readable(const StreamClientPtr& client, std::error_code error) {
    client->is_reading = false;
    if (error || is_stopping_ || !client->socket.is_open() || client->is_finishing) return;
    if (is_blocked_ || client->has_more) return waiting_.push_back(client);
    read(client);
  }

  // A client that has sent a lot fills the transaction: few large ones cost less than many small.
  void read(const StreamClientPtr& client) {
    const std::span<char> into = std::span(piece_).subspan(kRestRoom);
    for (std::size_t visit_bytes = 0; visit_bytes < kVisitBytes;) {
      const IoStep step = client->read(into);
      const bool is_blocked =
          step.state == IoStep::State::kWantsRead || step.state == IoStep::State::kWantsWrite;
      if (is_blocked && visit_bytes > 0) return;  // it goes on after the next commit
      switch (step.state) {
        case IoStep::State::kWantsRead:
          return wait_for_input(client);
        case IoStep::State::kWantsWrite:
          return wait_for_room(client, [this, client] { read(client); });
        case IoStep::State::kFailed:
          return fail_reading(client);
        case IoStep::State::kEnd:
          client->has_ended = true;
          break;
        case IoStep::State::kMoved:
          client->active_at = steady_clock::now();
          client->decoder->feed(StreamPiece(into.data(), step.bytes, kRestRoom));
          break;
      }
      collect_units(client);
      visit_bytes += step.bytes;
      // Of a plain stream the kernel has given all it had when it gave less than asked for.
      const bool is_drained = client->tls == nullptr && step.bytes < into.size();
      if (is_drained || !can_read_on(client)) return;
    }
  }

  [[nodiscard]] bool can_read_on(const StreamClientPtr& client) const {
    return client->socket.is_open() && !is_blocked_ && !client->has_more && !client->has_ended &&
           !client->is_ending && !client->is_finishing && client->replies.size() < kUnsentBytesMax;
  }

  void fail_reading(const StreamClientPtr& client) {
    const bool was_handshake = client->tls != nullptr && !client->tls->is_established();
    if (was_handshake) {
      server_.metrics_.failed_handshakes.add();
    } else {
      server_.counters_.read_failures.add();
    }
    close(client);
  }

  // Moves the client's complete units into the transaction, committing whenever it is full.
  void collect_units(const StreamClientPtr& client) {
    waiting_.push_back(client);
    client->has_more = false;
    while (client->socket.is_open()) {
      if (is_blocked_) {
        client->has_more = true;
        break;
      }
      const std::size_t first = commit_.size();
      const StreamDecoder::Next next = client->decoder->next(commit_.batch());
      if (next == StreamDecoder::Next::kEnd) {
        client->has_last_words = client->is_ending = true;
        break;
      }
      if (next == StreamDecoder::Next::kNeedMore) break;
      commit_.add_unit(client, first);
      if (commit_.size() < options_.batch_size) continue;
      commit();
      waiting_.push_back(client);
    }
    client->decoder->settle();
    if (client->has_ended && !client->has_more) take_rest(client);
  }

  // The client closed its side: what is left may be a unit; replies are still sent.
  void take_rest(const StreamClientPtr& client) {
    if (!client->socket.is_open()) return;
    const std::size_t first = commit_.size();
    if (!client->has_last_words &&
        client->decoder->finish(commit_.batch()) == StreamDecoder::Next::kUnit) {
      commit_.add_unit(client, first);
    }
    client->is_ending = true;
  }

  // Hands the collected events on, and lets the clients go on that waited for it.
  void commit() {
    if (is_blocked_) return;
    if (commit_.commit() == GroupCommit::Outcome::kBlocked) return retry_later();
    retry_pause_ = kRetryFirst;
    const std::vector<StreamClientPtr> waiting = std::exchange(waiting_, {});
    for (const StreamClientPtr& client : waiting) {
      if (client->has_more && client->socket.is_open()) {
        collect_units(client);
      } else {
        end_answered(client);
        send(client);
      }
    }
  }

  // Every unit of the client is answered: what it is told at the end may follow.
  void end_answered(const StreamClientPtr& client) {
    if (!client->is_ending || client->is_finishing) return;
    client->is_finishing = true;
    if (!client->has_last_words) return;
    server_.metrics_.ended_connections.add();
    client->decoder->last_words(client->replies);
  }

  // Back-pressure: nothing is read, so the senders' windows close.
  void retry_later() {
    is_blocked_ = true;
    server_.metrics_.blocked_batches.add();
    log_warn("tcp.blocked", "channels refuse events; clients wait until they are accepted",
             {{"source", options_.source_name}, {"events", commit_.size()}});
    retry_timer_.expires_after(retry_pause_);
    retry_pause_ = std::min(retry_pause_ * 2, kRetryMax);
    retry_timer_.async_wait([this](std::error_code stopped) {
      if (stopped) return;
      is_blocked_ = false;  // the loop commits next
    });
  }

  // Writes what fits, and decides what the client waits for next.
  void send(const StreamClientPtr& client) {
    if (!client->socket.is_open() || client->is_writing) return;
    if (client->decoder == nullptr) return;  // its name is being looked up, or it lingers
    if (client->decoder->is_done()) client->is_finishing = true;
    client->decoder->take_interim(client->replies);
    while (!client->replies.empty()) {
      const IoStep step = client->write(client->replies);
      if (step.state == IoStep::State::kFailed || step.state == IoStep::State::kEnd) {
        return close(client);
      }
      if (step.state != IoStep::State::kMoved) {
        wait_for_room(client, [this, client] { send(client); });
        break;
      }
      client->active_at = steady_clock::now();
      client->replies.erase(0, step.bytes);
    }
    if (client->replies.empty() && client->is_finishing) {
      return client->has_last_words && !client->has_ended ? linger(client) : close(client);
    }
    if (client->replies.size() < kUnsentBytesMax) wait_for_input(client);
  }

  template <class Then>
  void wait_for_room(const StreamClientPtr& client, Then then) {
    client->is_writing = true;
    client->socket.async_wait(tcp::socket::wait_write, [this, client, then](std::error_code error) {
      client->is_writing = false;
      if (!error && !is_stopping_ && client->socket.is_open()) then();
    });
  }

  // A socket that is closed with unread input resets the connection, and the client may never see
  // what it was told: what it still sends is read and dropped for a while.
  void linger(const StreamClientPtr& client) {
    std::error_code ignored;
    if (client->tls != nullptr) client->tls->say_goodbye();
    client->socket.shutdown(tcp::socket::shutdown_send, ignored);
    client->decoder.reset();  // with what it holds
    client->linger_timer.emplace(loop_, kLingerMax);
    client->linger_timer->async_wait([this, client](std::error_code stopped) {
      if (!stopped) close(client);
    });
    discard_input(client);
  }

  void discard_input(const StreamClientPtr& client) {
    client->socket.async_wait(tcp::socket::wait_read, [this, client](std::error_code error) {
      if (error || is_stopping_ || !client->socket.is_open()) return;
      client->socket.read_some(asio::buffer(piece_), error);
      if (error && error != asio::error::would_block) return close(client);
      discard_input(client);
    });
  }

  void close(const StreamClientPtr& client) {
    std::error_code ignored;
    client->linger_timer.reset();
    if (client->tls != nullptr) client->tls->say_goodbye();
    client->socket.shutdown(tcp::socket::shutdown_both, ignored);
    client->socket.close(ignored);
    if (clients_.erase(client) > 0) server_.counters_.closed_connections.add();
  }

  void check_idle() {
    idle_timer_.expires_after(std::min(kIdleCheck, options_.idle_timeout));
    idle_timer_.async_wait([this](std::error_code stopped) {
      if (stopped) return;
      if (!is_blocked_) end_idle();
      check_idle();
    });
  }

  void end_idle() {
    const auto oldest = steady_clock::now() - options_.idle_timeout;
    std::vector<StreamClientPtr> idle;
    for (const StreamClientPtr& client : clients_) {
      if (client->active_at < oldest && !client->has_more) idle.push_back(client);
    }
    for (const StreamClientPtr& client : idle) {
      server_.metrics_.idle_connections.add();
      close(client);
    }
  }

  StreamServer& server_;
  const StreamServerOptions& options_;

  asio::io_context loop_{1};
  std::deque<TcpListener> listeners_;
  asio::steady_timer retry_timer_{loop_};
  asio::steady_timer idle_timer_{loop_};
  asio::steady_timer listen_timer_{loop_};
  tcp::resolver resolver_{loop_};
  bool is_stopping_ = false;
  bool is_blocked_ = false;  // the transaction was refused and is kept
  std::chrono::milliseconds retry_pause_ = kRetryFirst;
  std::unordered_set<StreamClientPtr> clients_;
  std::vector<StreamClientPtr> waiting_;  // clients that go on after the next commit
  GroupCommit commit_;
  std::vector<char> piece_;          // room for a rest, then what was read
  std::unique_ptr<TlsContext> tls_;  // nullptr: plain text
  std::thread thread_;
};

StreamServer::StreamServer(StreamServerOptions options, EventReceiver& receiver,
                           SourceCounters& counters, DecoderFactory make_decoder)
    : options_(std::move(options)),
      receiver_(receiver),
      counters_(counters),
      make_decoder_(std::move(make_decoder)) {}

StreamServer::~StreamServer() {
  stop();
}

Result<void> StreamServer::start() {
  auto loop = std::make_unique<Loop>(*this);
  TRY(loop->start());
  loop_ = std::move(loop);
  return {};
}

void StreamServer::stop() {
  if (loop_ == nullptr) return;
  loop_->stop();
  loop_.reset();
}

void StreamServer::collect(MetricSink& sink) const {
  sink.gauge("tcp_listen_port", "TCP port listened on; the first of several.",
             metrics_.first_port.load());
  sink.counter("tcp_refused_connections_total", "Clients turned away: too many.",
               metrics_.refused_connections.value());
  sink.counter("tcp_idle_connections_ended_total", "Connections ended because nothing was sent.",
               metrics_.idle_connections.value());
  sink.counter("tcp_invalid_connections_ended_total", "Connections ended because of what was sent.",
               metrics_.ended_connections.value());
  sink.counter("tcp_failed_handshakes_total", "TLS connections that were not established.",
               metrics_.failed_handshakes.value());
  sink.counter("tcp_blocked_batches_total", "Times the channels refused and clients were held.",
               metrics_.blocked_batches.value());
  sink.counter("tcp_dropped_events_total", "Events lost: no channel can hold them, or stopped.",
               metrics_.dropped_events.value());
}

}  // namespace spillway::agent
