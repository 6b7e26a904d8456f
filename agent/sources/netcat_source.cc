// `netcat` source: a TCP server that makes an event of each line and answers OK or FAILED.
//
// A client that was not told OK sends again. Flume: NetcatSource.
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "agent/net/stream_options.h"
#include "agent/registry.h"
#include "agent/sources/netcat_lines.h"
#include "agent/text_decoder.h"

namespace spillway::agent {
namespace {

constexpr auto kOptions = with_tls(std::array{
    OptionSpec{.name = "bind", .help = "Host name or address to listen on.", .is_required = true},
    kPortOption,
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
               .choices = kCharsetChoices},
    kBatchSizeOption,
    kMaxConnectionsOption,
    kIdleTimeoutOption,
});

class NetcatDecoder final : public StreamDecoder {
 public:
  NetcatDecoder(std::size_t line_chars_max, Charset charset, bool acks_every_event)
      : line_chars_max_(line_chars_max),
        acks_every_event_(acks_every_event),
        lines_(line_chars_max, std::move(charset)) {}

  void feed(const StreamPiece& piece) override { lines_.feed(piece); }
  void settle() override { lines_.settle(); }

  Next next(channel::EventBatch& batch) override {
    std::string_view line;
    switch (lines_.next(line)) {
      case NetcatLines::Next::kNeedMore:
        return Next::kNeedMore;
      case NetcatLines::Next::kTooLong:
        return Next::kEnd;
      case NetcatLines::Next::kLine:
        break;
    }
    batch.add(line);
    return Next::kUnit;
  }

  void answer(const Result<void>& received, std::string& replies) override {
    if (!received.has_value()) {
      replies += "FAILED: " + to_string(received.error()) + "\n";
    } else if (acks_every_event_) {
      replies += "OK\n";
    }
  }

  void last_words(std::string& replies) override {
    replies += "FAILED: Event exceeds the maximum length (" + std::to_string(line_chars_max_) +
               " chars, including newline)\n";
  }

 private:
  const std::size_t line_chars_max_;
  const bool acks_every_event_;
  NetcatLines lines_;
};

class NetcatSource final : public Source {
 public:
  NetcatSource(const ComponentContext& context, const Config& config, Charset charset,
               EventReceiver& receiver)
      : server_(with_answers(
                    stream_options_of(context, config, config.string("bind"), {port_of(config)})),
                receiver, counters_,
                [line_chars_max = config.count("max-line-length"), charset = std::move(charset),
                 acks_every_event = config.boolean("ack-every-event")](const Peer&) {
                  return std::make_unique<NetcatDecoder>(line_chars_max, charset, acks_every_event);
                }) {}

  Result<void> start() override { return server_.start(); }
  void stop() override { server_.stop(); }
  void collect(MetricSink& sink) const override { server_.collect(sink); }

 private:
  StreamServer server_;
};

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  TRY_ASSIGN(Charset charset, Charset::named(config.string("encoding")));
  return std::unique_ptr<Source>(
      std::make_unique<NetcatSource>(context, config, std::move(charset), receiver));
}

}  // namespace

const SourceType kNetcatSource{.name = "netcat",
                               .java_class = "org.apache.flume.source.NetcatSource",
                               .help = "Listens on TCP and turns each line into an event.",
                               .options = kOptions,
                               .batch_size = batch_size_of,
                               .create = create,
                               .examine = examine_tls_of};

}  // namespace spillway::agent
