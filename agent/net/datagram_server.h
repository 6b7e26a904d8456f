// DatagramServer: one thread that receives the UDP datagrams of one source, many per call.
//
// Nothing tells a sender to wait: while the channels refuse, datagrams queue in the socket's buffer
// and the kernel drops what does not fit; the drops are counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "agent/component.h"
#include "agent/net/stream_decoder.h"

namespace spillway::agent {

struct DatagramServerOptions {
  std::string source_name;
  std::string host;  // empty: every address
  std::uint16_t port = 0;
  std::size_t batch_size = 100;
  std::size_t receive_buffer_bytes = 0;  // 0: the system's default
  bool wants_host_names = false;         // look up the names of senders, each once
};

/// Adds the event of a datagram, or none.
using DatagramHandler =
    std::function<void(std::string_view datagram, const Peer& peer, channel::EventBatch& batch)>;

/// start() and stop() belong to one thread at a time; collect() is thread-safe.
class DatagramServer {
 public:
  /// `receiver` and `counters` outlive the server. `handle` runs on the server's thread.
  DatagramServer(DatagramServerOptions options, EventReceiver& receiver, SourceCounters& counters,
                 DatagramHandler handle);
  ~DatagramServer();
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;

  Result<void> start();

  /// Datagrams that have not been received are lost.
  void stop();

  void collect(MetricSink& sink) const;

 private:
  class Loop;

  struct Metrics {
    std::atomic<std::uint16_t> port{0};
    std::atomic<std::uint64_t> receive_buffer_bytes{0};
    Counter kernel_drops;
    Counter dropped_events;
    Counter unusable_datagrams;
  };

  const DatagramServerOptions options_;
  EventReceiver& receiver_;
  SourceCounters& counters_;
  const DatagramHandler handle_;
  Metrics metrics_;
  std::unique_ptr<Loop> loop_;  // nullptr while stopped
};

}  // namespace spillway::agent
