// Fuzz target: bytes a syslog client may send, to every parser and framing. Events come out alike
// in any pieces, nothing exceeds the limits, and each event can be read back. The first byte
// chooses the settings.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/stream_buffer.h"
#include "agent/sources/flume_syslog.h"
#include "agent/sources/multiport_syslog.h"
#include "agent/sources/rfc_decoder.h"
#include "channel/event_batch.h"
#include "tests/fuzz/piece_memory.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kLineBytesMax = 64;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] std::uint64_t monotonic_ns() const override { return 0; }
  [[nodiscard]] std::int64_t wall_ms() const override { return 1'795'387'200'000; }
};

KeepFields keep_of(std::uint8_t settings) {
  return {.all = (settings & 1U) != 0,
          .priority = (settings & 2U) != 0,
          .version = (settings & 4U) != 0,
          .timestamp = (settings & 8U) != 0,
          .host_name = (settings & 16U) != 0};
}

// Hands the stream on in pieces; `take` uses up what it can of the view.
template <class Take>
void in_pieces(std::string_view stream, std::size_t piece_bytes, const Take& take) {
  StreamBuffer buffer;
  while (!stream.empty()) {
    PieceMemory piece(stream.substr(0, piece_bytes));  // dies before the next one comes
    stream.remove_prefix(piece.size());
    buffer.feed(piece.read());
    take(buffer);
    CHECK(buffer.view().size() <= kLineBytesMax + 16);
    buffer.settle();
  }
}

void flume(std::string_view stream, std::size_t piece_bytes, FlumeSyslogParser& parser,
           channel::EventBatch& batch) {
  std::size_t scanned = 0;
  in_pieces(stream, piece_bytes, [&](StreamBuffer& buffer) {
    while (true) {
      const FlumeFrame frame = next_flume_frame(buffer.view(), kLineBytesMax, scanned);
      buffer.consume(frame.used_bytes);
      if (!frame.is_whole) return;
      CHECK(frame.line.size() <= kLineBytesMax);
      parser.add(frame, {}, batch);
    }
  });
}

void multiport(std::string_view stream, std::size_t piece_bytes, MultiportSyslogParser& parser,
               channel::EventBatch& batch) {
  std::size_t scanned = 0;
  in_pieces(stream, piece_bytes, [&](StreamBuffer& buffer) {
    while (true) {
      const MultiportFrame frame = next_multiport_frame(buffer.view(), kLineBytesMax, scanned);
      buffer.consume(frame.used_bytes);
      if (!frame.is_whole) return;
      CHECK(frame.line.size() <= kLineBytesMax);
      parser.add(frame.line, frame.is_cut, Encoding::kUtf8, {}, batch);
    }
  });
}

void rfc(std::string_view stream, std::size_t piece_bytes, RfcSyslogParser& parser,
         channel::EventBatch& batch) {
  RfcDecoder decoder(parser, {}, kLineBytesMax);
  while (!stream.empty()) {
    PieceMemory piece(stream.substr(0, piece_bytes));
    stream.remove_prefix(piece.size());
    decoder.feed(piece.read());
    while (decoder.next(batch) == StreamDecoder::Next::kUnit) {
    }
    decoder.settle();
  }
  decoder.finish(batch);
}

std::string_view bytes_of(const channel::EventBatch& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    CHECK(channel::EventView::parse(batch[i].encoded()).has_value());
  }
  return as_text(batch.entries());
}

template <class Parser, class Run>
void expect_alike(std::string_view stream, std::size_t piece_bytes, Parser& parser,
                  const Run& run) {
  channel::EventBatch whole;
  channel::EventBatch pieces;
  run(stream, stream.size() + 1, parser, whole);
  run(stream, piece_bytes, parser, pieces);
  CHECK(bytes_of(whole) == bytes_of(pieces));
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spillway::agent;
  if (size < 2) return 0;
  const KeepFields keep = keep_of(data[0]);
  const std::size_t piece_bytes = 1 + data[1] % 9;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  const FixedClock clock;
  FlumeSyslogParser flume_parser({.keep = keep, .peer_headers = {}}, clock);
  MultiportSyslogParser multiport_parser(keep, {}, clock);
  RfcSyslogParser rfc_parser(keep, {}, clock);
  expect_alike(stream, piece_bytes, flume_parser, flume);
  expect_alike(stream, piece_bytes, multiport_parser, multiport);
  expect_alike(stream, piece_bytes, rfc_parser, rfc);
  if (const auto frame = flume_datagram_frame(stream)) {
    spillway::channel::EventBatch batch;
    flume_parser.add(*frame, {}, batch);
    bytes_of(batch);
  }
  return 0;
}
