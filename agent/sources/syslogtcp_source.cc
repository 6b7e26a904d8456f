// `syslogtcp` source: syslog over TCP, a line or a counted message per event.
//
// Nothing is answered in this protocol: when the channels are full the clients are held back, where
// Flume drops. Flume: SyslogTcpSource.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/net/stream_buffer.h"
#include "agent/registry.h"
#include "agent/sources/flume_syslog.h"
#include "agent/sources/rfc_decoder.h"
#include "agent/sources/syslog_server.h"

namespace spillway::agent {
namespace {

constexpr auto kOptions = with_tls(std::array{
    kHostOption, kPortOption, kEventSizeOption, kKeepFieldsOption, kClientIpHeaderOption,
    kClientHostnameHeaderOption, kFormatRegexOption, kFormatSearchOption, kFormatReplaceOption,
    kFormatDateOption, kParserOption, kBatchSizeOption, kMaxConnectionsOption, kIdleTimeoutOption});

class FlumeDecoder final : public StreamDecoder {
 public:
  FlumeDecoder(FlumeSyslogParser& parser, Peer peer, std::size_t line_bytes_max)
      : parser_(parser), peer_(std::move(peer)), line_bytes_max_(line_bytes_max) {}

  void feed(const StreamPiece& piece) override { buffer_.feed(piece); }
  void settle() override { buffer_.settle(); }

  Next next(channel::EventBatch& batch) override {
    const FlumeFrame frame = next_flume_frame(buffer_.view(), line_bytes_max_, scanned_);
    buffer_.consume(frame.used_bytes);
    if (!frame.is_whole) return Next::kNeedMore;
    parser_.add(frame, peer_, batch);
    return Next::kUnit;
  }

 private:
  FlumeSyslogParser& parser_;
  const Peer peer_;
  const std::size_t line_bytes_max_;
  std::size_t scanned_ = 0;
  StreamBuffer buffer_;
};

class SyslogTcpSource final : public Source {
 public:
  SyslogTcpSource(const ComponentContext& context, const Config& config,
                  std::optional<SyslogFormat> format, EventReceiver& receiver)
      : event_bytes_max_(config.count("eventSize")),
        is_rfc_(config.string("parser") == "rfc"),
        flume_({.keep = KeepFields::parse(config.string("keepFields")),
                .peer_headers = peer_headers_of(config),
                .format = std::move(format)},
               *context.clock),
        rfc_(KeepFields::parse(config.string("keepFields")), peer_headers_of(config),
             *context.clock),
        server_(syslog_server_options(context, config, {port_of(config)}), receiver, counters_,
                [this](const Peer& peer) { return decoder(peer); }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  std::unique_ptr<StreamDecoder> decoder(const Peer& peer) {
    if (is_rfc_) return std::make_unique<RfcDecoder>(rfc_, peer, event_bytes_max_);
    return std::make_unique<FlumeDecoder>(flume_, peer, event_bytes_max_);
  }

  const std::size_t event_bytes_max_;
  const bool is_rfc_;
  FlumeSyslogParser flume_;
  RfcSyslogParser rfc_;
  StreamServer server_;
};

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  TRY_ASSIGN(auto format, SyslogFormat::read(config));
  return std::unique_ptr<Source>(
      std::make_unique<SyslogTcpSource>(context, config, std::move(format), receiver));
}

}  // namespace

const SourceType kSyslogTcpSource{.name = "syslogtcp",
                                  .java_class = "org.apache.flume.source.SyslogTcpSource",
                                  .help = "Listens on TCP for syslog messages.",
                                  .options = kOptions,
                                  .batch_size = batch_size_of,
                                  .create = create,
                                  .examine = examine_tls_of};

}  // namespace spillway::agent
