// `netcatudp` source: an event of each datagram, up to its first newline. Flume: NetcatUdpSource.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "agent/config.h"
#include "agent/net/datagram_server.h"
#include "agent/net/event_headers.h"
#include "agent/net/net_options.h"
#include "agent/registry.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "bind", .help = "Host name or address to listen on; empty: every address."},
    kPortOption,
    OptionSpec{.name = "remoteAddress",
               .help = "Header that gets the sender as /address:port; empty: none."},
    OptionSpec{.name = "remoteAddressHeader",
               .help = "The same under the user guide's name; Flume's code reads the other."},
    kBatchSizeOption,
    kReceiveBufferOption};

// As Java prints a socket address.
std::string java_address(const Peer& peer) {
  const bool is_v6 = peer.address.find(':') != std::string::npos;
  return (is_v6 ? "/[" + peer.address + "]" : "/" + peer.address) + ":" + std::to_string(peer.port);
}

class NetcatUdpSource final : public Source {
 public:
  NetcatUdpSource(const ComponentContext& context, const Config& config, EventReceiver& receiver)
      : address_header_(config.is_given("remoteAddress") ? config.string("remoteAddress")
                                                         : config.string("remoteAddressHeader")),
        server_({.source_name = context.name,
                 .host = config.string("bind"),
                 .port = port_of(config),
                 .batch_size = config.count("batchSize"),
                 .receive_buffer_bytes = config.bytes("receiveBufferBytes")},
                receiver, counters_,
                [this](std::string_view datagram, const Peer& peer, channel::EventBatch& batch) {
                  add(datagram, peer, batch);
                }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  void add(std::string_view datagram, const Peer& peer, channel::EventBatch& batch) const {
    const std::string_view body = datagram.substr(0, datagram.find('\n'));
    if (address_header_.empty()) return batch.add(body);
    const std::string address = java_address(peer);
    EventHeaders headers;
    headers.put(address_header_, address);
    batch.add(headers.all(), body);
  }

  const std::string address_header_;
  DatagramServer server_;
};

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  return std::unique_ptr<Source>(std::make_unique<NetcatUdpSource>(context, config, receiver));
}

}  // namespace

const SourceType kNetcatUdpSource{.name = "netcatudp",
                                  .java_class = "org.apache.flume.source.NetcatUdpSource",
                                  .help = "Listens on UDP and turns each datagram into an event.",
                                  .options = kOptions,
                                  .batch_size = batch_size_of,
                                  .create = create};

}  // namespace spillway::agent
