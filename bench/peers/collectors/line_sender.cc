#include "bench/peers/collectors/line_sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "bench/peers/collectors/numbered_lines.h"
#include "wal/base/check.h"
#include "wal/base/clock.h"
#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"

namespace spillway::bench {
namespace {

constexpr int kPauseMillis = 1;  // between two looks at the output

Result<io::OwnedFd> connect_to(std::uint16_t port) {
  io::OwnedFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return io::os_error(errno, "cannot make a socket");
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof(address)) != 0) {
    return Error{.code = Errc::kUnavailable, .os_error = errno, .what = "cannot connect"};
  }
  return fd;
}

/// All connections of one load.
class Sender {
 public:
  explicit Sender(const LineLoad& load) : load_(load) {}

  Result<LineTimes> run() {
    TRY(connect());
    begin_ns_ = clock_.monotonic_ns();
    LineTimes times;
    bool is_written = load_.output.empty();
    while (open_count_ > 0 || !is_written) {
      if (clock_.monotonic_ns() - begin_ns_ > load_.timeout_ns) {
        return Error{.code = Errc::kTimeout, .what = "the collector has not taken everything"};
      }
      const bool was_sending = unsent_count_ > 0;
      TRY(poll());
      if (was_sending && unsent_count_ == 0) times.sent_seconds = seconds();
      if (times.read_seconds == 0 && open_count_ == 0) times.read_seconds = seconds();
      if (unsent_count_ > 0 || is_written) continue;
      is_written = files_bytes(load_.output) >= load_.output_bytes;
      if (is_written) times.written_seconds = seconds();
    }
    return times;
  }

 private:
  struct Stream {
    io::OwnedFd fd;
    LineBlocks lines;
  };

  Result<void> connect() {
    std::uint64_t next = load_.first;
    for (std::size_t i = 0; i < load_.connections; ++i) {
      const std::uint64_t end = load_.first + load_.lines * (i + 1) / load_.connections;
      TRY_ASSIGN(auto fd, connect_to(load_.port));
      streams_.push_back({.fd = std::move(fd), .lines = LineBlocks(i, next, end)});
      next = end;
      polled_.push_back({.fd = streams_.back().fd.get(), .events = POLLOUT, .revents = 0});
    }
    open_count_ = unsent_count_ = streams_.size();
    return {};
  }

  Result<void> poll() {
    const int found = io::retry_interrupted([this] {
      return ::poll(polled_.data(), polled_.size(), unsent_count_ > 0 ? 100 : kPauseMillis);
    });
    if (found < 0) return io::os_error(errno, "cannot poll");
    for (std::size_t i = 0; found > 0 && i < polled_.size(); ++i) {
      if (polled_[i].revents == 0) continue;
      TRY(polled_[i].events == POLLOUT ? send(i) : receive(i));
    }
    return {};
  }

  Result<void> send(std::size_t index) {
    Stream& stream = streams_[index];
    while (!stream.lines.rest().empty()) {
      const std::string_view rest = stream.lines.rest();
      const ssize_t sent =
          ::send(stream.fd.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return {};
      if (sent < 0) return io::os_error(errno, "the collector has ended the connection");
      stream.lines.consume(static_cast<std::size_t>(sent));
    }
    // Its answer to this end is that it has read everything before.
    ::shutdown(stream.fd.get(), SHUT_WR);
    polled_[index].events = POLLIN;
    --unsent_count_;
    return {};
  }

  Result<void> receive(std::size_t index) {
    std::array<char, 4096> replies{};
    const ssize_t count =
        ::recv(streams_[index].fd.get(), replies.data(), replies.size(), MSG_DONTWAIT);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return {};
    if (count < 0) return io::os_error(errno, "the collector has reset the connection");
    polled_[index].fd = -1;  // poll() leaves it out
    --open_count_;
    return {};
  }

  [[nodiscard]] double seconds() const {
    return static_cast<double>(clock_.monotonic_ns() - begin_ns_) / 1e9;
  }

  const LineLoad& load_;
  const SystemClock clock_;
  std::uint64_t begin_ns_ = 0;
  std::vector<Stream> streams_;
  std::vector<::pollfd> polled_;  // by stream
  std::size_t unsent_count_ = 0;
  std::size_t open_count_ = 0;
};

}  // namespace

Result<LineTimes> send_lines(const LineLoad& load) {
  CHECK(load.connections >= 1 && load.connections <= kConnectionsMax);
  return Sender(load).run();
}

Result<double> await_output(const std::string& directory, std::uint64_t bytes,
                            std::uint64_t timeout_ns) {
  const SystemClock clock;
  const std::uint64_t asked_ns = clock.monotonic_ns();
  std::optional<std::uint64_t> begin_ns;
  while (true) {
    const std::uint64_t now_ns = clock.monotonic_ns();
    const std::uint64_t have = files_bytes(directory);
    if (have > 0 && !begin_ns) begin_ns = now_ns;
    if (have >= bytes) return static_cast<double>(now_ns - begin_ns.value_or(now_ns)) / 1e9;
    if (now_ns - asked_ns > timeout_ns) {
      return Error{.code = Errc::kTimeout, .what = "the collector has not written everything"};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMillis));
  }
}

std::uint64_t files_bytes(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code gone;
    const std::uint64_t size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace spillway::bench
