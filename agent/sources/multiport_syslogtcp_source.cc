// `multiport_syslogtcp` source: syslog over TCP on several ports, each with its character set.
//
// One event loop serves all ports. Full channels hold the clients back, where Flume drops. Flume:
// MultiportSyslogTCPSource.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "agent/net/stream_buffer.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/sources/multiport_syslog.h"
#include "agent/sources/rfc_decoder.h"
#include "agent/sources/syslog_server.h"
#include "agent/text_decoder.h"

namespace spillway::agent {
namespace {

constexpr auto kOptions = with_tls(std::array{
    kHostOption,
    OptionSpec{.name = "ports",
               .type = OptionType::kList,
               .help = "Ports to listen on, separated by spaces.",
               .is_required = true},
    kEventSizeOption,
    kKeepFieldsOption,
    OptionSpec{.name = "portHeader",
               .help = "Header that gets the port a line came in on; empty: none."},
    kClientIpHeaderOption,
    kClientHostnameHeaderOption,
    OptionSpec{.name = "charset.default",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of lines; one that does not decode is an invalid event.",
               .choices = kAsciiCharsetChoices},
    OptionSpec{.name = "charset.port.*", .help = "Character set of one port."},
    kParserOption,
    kBatchSizeOption,
    kMaxConnectionsOption,
    kIdleTimeoutOption,
    OptionSpec{.name = "readBufferBytes",
               .type = OptionType::kCount,
               .default_value = "1024",
               .help = "Size of Flume's read buffer.",
               .notice = kNetworkIgnored},
    OptionSpec{.name = "readBufferSize",
               .type = OptionType::kCount,
               .default_value = "1024",
               .help = "The same under the user guide's name.",
               .notice = kNetworkIgnored},
    OptionSpec{.name = "numProcessors",
               .type = OptionType::kCount,
               .default_value = "0",
               .help = "Threads of Flume.",
               .notice = kNetworkIgnored},
});

struct PortCharsets {
  Charset fallback;
  std::map<std::uint16_t, Charset> by_port;
};

class MultiportDecoder final : public StreamDecoder {
 public:
  MultiportDecoder(MultiportSyslogParser& parser, Peer peer, std::size_t line_bytes_max,
                   Charset charset)
      : parser_(parser),
        peer_(std::move(peer)),
        line_bytes_max_(line_bytes_max),
        charset_(std::move(charset)) {}

  void feed(const StreamPiece& piece) override { buffer_.feed(piece); }
  void settle() override { buffer_.settle(); }

  Next next(channel::EventBatch& batch) override {
    while (true) {
      const MultiportFrame frame = next_multiport_frame(buffer_.view(), line_bytes_max_, scanned_);
      buffer_.consume(frame.used_bytes);
      if (!frame.is_whole) return Next::kNeedMore;
      if (frame.line.empty()) continue;
      parser_.add(frame.line, frame.is_cut, charset_, peer_, batch);
      return Next::kUnit;
    }
  }

 private:
  MultiportSyslogParser& parser_;
  const Peer peer_;
  const std::size_t line_bytes_max_;
  const Charset charset_;
  std::size_t scanned_ = 0;
  StreamBuffer buffer_;
};

PeerHeaderNames peer_headers(const Config& config) {
  PeerHeaderNames names = peer_headers_of(config);
  names.local_port = config.string("portHeader");
  return names;
}

class MultiportSyslogTcpSource final : public Source {
 public:
  MultiportSyslogTcpSource(const ComponentContext& context, const Config& config,
                           EventReceiver& receiver, std::vector<std::uint16_t> ports,
                           PortCharsets charsets)
      : event_bytes_max_(config.count("eventSize")),
        is_rfc_(config.string("parser") == "rfc"),
        charsets_(std::move(charsets)),
        flume_(KeepFields::parse(config.string("keepFields")), peer_headers(config),
               *context.clock),
        rfc_(KeepFields::parse(config.string("keepFields")), peer_headers(config), *context.clock),
        server_(syslog_server_options(context, config, std::move(ports)), receiver, counters_,
                [this](const Peer& peer) { return decoder(peer); }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  std::unique_ptr<StreamDecoder> decoder(const Peer& peer) {
    if (is_rfc_) return std::make_unique<RfcDecoder>(rfc_, peer, event_bytes_max_);
    const auto found = charsets_.by_port.find(peer.local_port);
    const Charset& charset = found == charsets_.by_port.end() ? charsets_.fallback : found->second;
    return std::make_unique<MultiportDecoder>(flume_, peer, event_bytes_max_, charset);
  }

  const std::size_t event_bytes_max_;
  const bool is_rfc_;
  const PortCharsets charsets_;
  MultiportSyslogParser flume_;
  RfcSyslogParser rfc_;
  StreamServer server_;
};

Result<std::uint16_t> port_in(std::string_view text) {
  const auto number = number_in(text);
  if (!number || *number > 65'535) {
    return Error{.code = Errc::kBadConfig, .what = "a port is a number up to 65535"};
  }
  return static_cast<std::uint16_t>(*number);
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  std::vector<std::uint16_t> ports;
  for (const std::string& text : config.list("ports")) {
    TRY_ASSIGN(const std::uint16_t port, port_in(text));
    ports.push_back(port);
  }
  if (ports.empty()) return Error{.code = Errc::kBadConfig, .what = "ports names no port"};
  PortCharsets charsets;
  TRY_ASSIGN(charsets.fallback, Charset::named(config.string("charset.default")));
  for (const auto& [text, name] : config.below("charset.port.")) {
    TRY_ASSIGN(const std::uint16_t port, port_in(text));
    const auto choices = split_choices(kAsciiCharsetChoices);
    if (std::find(choices.begin(), choices.end(), to_lower(name)) == choices.end()) {
      return Error{.code = Errc::kBadConfig,
                   .what = "charset.port: unknown character set; charset.default has a list"};
    }
    TRY_ASSIGN(charsets.by_port[port], Charset::named(name));
  }
  return std::unique_ptr<Source>(std::make_unique<MultiportSyslogTcpSource>(
      context, config, receiver, std::move(ports), std::move(charsets)));
}

}  // namespace

const SourceType kMultiportSyslogTcpSource{
    .name = "multiport_syslogtcp",
    .java_class = "org.apache.flume.source.MultiportSyslogTCPSource",
    .help = "Listens on several TCP ports for syslog messages.",
    .options = kOptions,
    .batch_size = batch_size_of,
    .create = create,
    .examine = examine_tls_of};

}  // namespace spillway::agent
