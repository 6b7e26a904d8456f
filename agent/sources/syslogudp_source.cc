// `syslogudp` source: a syslog message per datagram. Flume: SyslogUDPSource.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/net/datagram_server.h"
#include "agent/registry.h"
#include "agent/sources/flume_syslog.h"
#include "agent/sources/rfc_syslog.h"
#include "agent/sources/syslog_options.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{kHostOption,
                              kPortOption,
                              kKeepFieldsOption,
                              kClientIpHeaderOption,
                              kClientHostnameHeaderOption,
                              kFormatRegexOption,
                              kFormatSearchOption,
                              kFormatReplaceOption,
                              kFormatDateOption,
                              kParserOption,
                              kBatchSizeOption,
                              kReceiveBufferOption};

class SyslogUdpSource final : public Source {
 public:
  SyslogUdpSource(const ComponentContext& context, const Config& config,
                  std::optional<SyslogFormat> format, EventReceiver& receiver)
      : is_rfc_(config.string("parser") == "rfc"),
        flume_({.keep = KeepFields::parse(config.string("keepFields")),
                .peer_headers = peer_headers_of(config),
                .format = std::move(format)},
               *context.clock),
        rfc_(KeepFields::parse(config.string("keepFields")), peer_headers_of(config),
             *context.clock),
        server_({.source_name = context.name,
                 .host = config.string("host"),
                 .port = port_of(config),
                 .batch_size = config.count("batchSize"),
                 .receive_buffer_bytes = config.bytes("receiveBufferBytes"),
                 .wants_host_names = !config.string("clientHostnameHeader").empty()},
                receiver, counters_,
                [this](std::string_view datagram, const Peer& peer, channel::EventBatch& batch) {
                  add(datagram, peer, batch);
                }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  void add(std::string_view datagram, const Peer& peer, channel::EventBatch& batch) {
    if (!is_rfc_) {
      if (const auto frame = flume_datagram_frame(datagram)) flume_.add(*frame, peer, batch);
      return;
    }
    const std::size_t end = datagram.find_last_not_of(std::string_view("\r\n\0", 3));
    if (end == std::string_view::npos) return;
    rfc_.add(datagram.substr(0, end + 1), false, peer, batch);
  }

  const bool is_rfc_;
  FlumeSyslogParser flume_;
  RfcSyslogParser rfc_;
  DatagramServer server_;
};

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  TRY_ASSIGN(auto format, SyslogFormat::read(config));
  return std::unique_ptr<Source>(
      std::make_unique<SyslogUdpSource>(context, config, std::move(format), receiver));
}

}  // namespace

const SourceType kSyslogUdpSource{.name = "syslogudp",
                                  .java_class = "org.apache.flume.source.SyslogUDPSource",
                                  .help = "Listens on UDP for syslog messages.",
                                  .options = kOptions,
                                  .batch_size = batch_size_of,
                                  .create = create};

}  // namespace spillway::agent
