#include "agent/net/datagram_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "agent/net/group_commit.h"
#include "agent/net/udp_socket.h"
#include "agent/thread_name.h"
#include "agent/wake_event.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kDatagramBytesMax = 65'536;
constexpr std::size_t kDatagramsMax = 64;  // per call
constexpr std::size_t kNamesMax = 10'000;
constexpr std::chrono::milliseconds kRetryFirst{20};
constexpr std::chrono::milliseconds kRetryMax{1000};

}  // namespace

class DatagramServer::Loop {
 public:
  explicit Loop(DatagramServer& server)
      : server_(server),
        options_(server.options_),
        commit_(options_.source_name, {.has_answers = false, .retries_refused = true},
                server.receiver_, server.counters_, server.metrics_.dropped_events),
        places_(std::min(kDatagramsMax, options_.batch_size)),
        bytes_(std::make_unique_for_overwrite<char[]>(places_.size() * kDatagramBytesMax)) {}

  Result<void> start() {
    TRY_ASSIGN(socket_, open_udp_socket(options_.host, options_.port));
    prepare_socket();
    server_.metrics_.port.store(bound_port(socket_.get()));
    log_info("udp.listening", "receiving datagrams",
             {{"source", options_.source_name},
              {"bind", options_.host},
              {"port", server_.metrics_.port.load()},
              {"receive_buffer_bytes", server_.metrics_.receive_buffer_bytes.load()}});
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() {
    stop_.set();
    thread_.join();
  }

 private:
  struct Place {
    ::sockaddr_storage sender{};
    ::iovec piece{};
    alignas(::cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control{};
  };

  void prepare_socket() {
    const int on = 1;
    static_cast<void>(::setsockopt(socket_.get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on)));
    server_.metrics_.receive_buffer_bytes.store(
        set_receive_buffer(socket_.get(), options_.receive_buffer_bytes));
  }

  // Everything below runs on thread_.

  void run() {
    name_this_thread("udp", options_.source_name);
    std::array<::pollfd, 2> events{{{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                    {.fd = stop_.descriptor(), .events = POLLIN, .revents = 0}}};
    while (!stop_.is_set()) {
      if (::poll(events.data(), events.size(), -1) < 0) continue;  // interrupted
      if ((events[0].revents & (POLLIN | POLLERR)) != 0) receive();
    }
  }

  void receive() {
    std::array<::mmsghdr, kDatagramsMax> messages{};
    for (std::size_t i = 0; i < places_.size(); ++i) {
      Place& place = places_[i];
      place.piece = {.iov_base = bytes_.get() + i * kDatagramBytesMax,
                     .iov_len = kDatagramBytesMax};
      ::msghdr& header = messages[i].msg_hdr;
      header.msg_name = &place.sender;
      header.msg_namelen = sizeof(place.sender);
      header.msg_iov = &place.piece;
      header.msg_iovlen = 1;
      header.msg_control = place.control.data();
      header.msg_controllen = place.control.size();
    }
    const int count = ::recvmmsg(socket_.get(), messages.data(),
                                 static_cast<unsigned>(places_.size()), MSG_DONTWAIT, nullptr);
    if (count < 0) {
      if (errno != EAGAIN && errno != EINTR) server_.counters_.read_failures.add();
      return;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      note_drops(messages[i].msg_hdr);
      const std::size_t before = commit_.size();
      server_.handle_({bytes_.get() + i * kDatagramBytesMax, messages[i].msg_len},
                      peer_of(places_[i].sender), commit_.batch());
      if (commit_.size() == before) server_.metrics_.unusable_datagrams.add();
    }
    commit();
  }

  // The kernel's count of this socket, 32 bits wide, comes with each datagram.
  void note_drops(::msghdr& header) {
    for (::cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr;
         item = CMSG_NXTHDR(&header, item)) {
      if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SO_RXQ_OVFL) continue;
      std::uint32_t total = 0;
      std::memcpy(&total, CMSG_DATA(item), sizeof(total));
      const std::uint32_t fresh = total - seen_drops_;
      if (fresh == 0) continue;
      seen_drops_ = total;
      server_.metrics_.kernel_drops.add(fresh);
      log_warn("udp.dropped", "the kernel dropped datagrams: the socket's buffer was full",
               {{"source", options_.source_name}, {"datagrams", fresh}});
    }
  }

  void commit() {
    std::chrono::milliseconds pause = kRetryFirst;
    while (commit_.commit() == GroupCommit::Outcome::kBlocked) {
      log_warn("udp.blocked", "channels refuse events; datagrams wait in the socket's buffer",
               {{"source", options_.source_name}, {"events", commit_.size()}});
      if (stop_.wait_for(pause)) return commit_.drop();
      pause = std::min(pause * 2, kRetryMax);
    }
  }

  // Senders mostly come in runs.
  const Peer& peer_of(const ::sockaddr_storage& sender) {
    if (std::memcmp(&sender, &last_sender_, sizeof(sender)) == 0) return last_peer_;
    last_sender_ = sender;
    last_peer_ = udp_peer(sender, server_.metrics_.port.load());
    if (options_.wants_host_names) last_peer_.host_name = name_of(last_peer_.address, sender);
    return last_peer_;
  }

  const std::string& name_of(const std::string& address, const ::sockaddr_storage& sender) {
    const auto known = names_.find(address);
    if (known != names_.end()) return known->second;
    if (names_.size() >= kNamesMax) names_.clear();
    return names_[address] = look_up_name(sender, address);
  }

  DatagramServer& server_;
  const DatagramServerOptions& options_;
  io::OwnedFd socket_;
  WakeEvent stop_;
  GroupCommit commit_;
  std::vector<Place> places_;
  const std::unique_ptr<char[]> bytes_;  // only pages that datagrams reach become resident
  std::uint32_t seen_drops_ = 0;
  ::sockaddr_storage last_sender_{};
  Peer last_peer_;
  std::map<std::string, std::string> names_;
  std::thread thread_;
};

DatagramServer::DatagramServer(DatagramServerOptions options, EventReceiver& receiver,
                               SourceCounters& counters, DatagramHandler handle)
    : options_(std::move(options)),
      receiver_(receiver),
      counters_(counters),
      handle_(std::move(handle)) {}

DatagramServer::~DatagramServer() {
  stop();
}

Result<void> DatagramServer::start() {
  auto loop = std::make_unique<Loop>(*this);
  TRY(loop->start());
  loop_ = std::move(loop);
  return {};
}

void DatagramServer::stop() {
  if (loop_ == nullptr) return;
  loop_->stop();
  loop_.reset();
}

void DatagramServer::collect(MetricSink& sink) const {
  sink.gauge("udp_listen_port", "UDP port listened on.", metrics_.port.load());
  sink.gauge("udp_receive_buffer_bytes", "Size of the socket's buffer.",
             static_cast<double>(metrics_.receive_buffer_bytes.load()));
  sink.counter("udp_kernel_dropped_datagrams_total",
               "Datagrams the kernel dropped because the socket's buffer was full.",
               metrics_.kernel_drops.value());
  sink.counter("udp_unusable_datagrams_total", "Datagrams that are no event.",
               metrics_.unusable_datagrams.value());
  sink.counter("udp_dropped_events_total", "Events lost: no channel can hold them, or stopped.",
               metrics_.dropped_events.value());
}

}  // namespace spillway::agent
