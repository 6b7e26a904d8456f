// StreamServer: one thread and one event loop that serve the TCP clients of one source.
//
// Owns the listening ports, the connections, the transaction under construction and every limit;
// leaves the protocol to a StreamDecoder per client. The units that all clients have ready form one
// transaction, so that a durable channel syncs once for many clients; answers stay per unit and in
// order. Flume uses threads per client and a transaction per line.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/component.h"
#include "agent/net/stream_decoder.h"
#include "agent/net/tls_session.h"

namespace spillway::agent {

struct StreamServerOptions {
  std::string source_name;
  std::string host;                  // empty: every address
  std::vector<std::uint16_t> ports;  // 0: the kernel chooses
  std::size_t batch_size = 100;      // a transaction is handed on when it has that many events
  std::size_t connections_max = 1000;
  std::chrono::milliseconds idle_timeout{0};  // 0: never
  bool has_answers = false;                   // each unit is answered
  bool retries_refused = false;   // refused events are offered again and nothing is read meanwhile
  bool wants_host_names = false;  // look up the names of clients
  std::optional<TlsServerOptions> tls = std::nullopt;  // nullopt: plain text
};

/// start() and stop() belong to one thread at a time; collect() is thread-safe. After a stop() the
/// server may be started again.
class StreamServer {
 public:
  /// `receiver` and `counters` outlive the server. `make_decoder` runs on the server's thread.
  StreamServer(StreamServerOptions options, EventReceiver& receiver, SourceCounters& counters,
               DecoderFactory make_decoder);
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  /// kUnavailable when no port can be listened on. Of several ports, those that are taken are tried
  /// again while the others are served. kBadConfig: the key store cannot be used.
  Result<void> start();

  /// Ends every connection. Events that are still refused by then are dropped, counted and logged.
  void stop();

  void collect(MetricSink& sink) const;

 private:
  class Loop;

  const StreamServerOptions options_;
  EventReceiver& receiver_;
  SourceCounters& counters_;
  const DecoderFactory make_decoder_;

  struct Metrics {
    Counter refused_connections;
    Counter idle_connections;
    Counter ended_connections;  // by us, for what they sent
    Counter failed_handshakes;
    Counter dropped_events;
    Counter blocked_batches;
    std::atomic<std::uint16_t> first_port{0};
  };
  Metrics metrics_;
  std::unique_ptr<Loop> loop_;  // nullptr while stopped
};

}  // namespace spillway::agent
