// RfcDecoder: the stream of one client in a syslog source with `parser = rfc`.
#pragma once

#include <string_view>
#include <utility>

#include "agent/net/stream_buffer.h"
#include "agent/net/stream_decoder.h"
#include "agent/sources/rfc_frames.h"
#include "agent/sources/rfc_syslog.h"

namespace spillway::agent {

class RfcDecoder final : public StreamDecoder {
 public:
  /// `parser` outlives the decoder.
  RfcDecoder(RfcSyslogParser& parser, Peer peer, std::size_t message_bytes_max)
      : parser_(parser), peer_(std::move(peer)), frames_(message_bytes_max) {}

  void feed(const StreamPiece& piece) override { buffer_.feed(piece); }
  void settle() override { buffer_.settle(); }

  Next next(channel::EventBatch& batch) override {
    while (true) {
      const RfcFrames::Frame frame = frames_.next(buffer_.view());
      buffer_.consume(frame.used_bytes);
      if (frame.has_message) {
        parser_.add(frame.message, frame.is_cut, peer_, batch);
        return Next::kUnit;
      }
      if (frame.used_bytes == 0) return Next::kNeedMore;
    }
  }

  Next finish(channel::EventBatch& batch) override {
    const RfcFrames::Frame frame = frames_.finish(buffer_.view());
    if (!frame.has_message) return Next::kEnd;
    parser_.add(frame.message, frame.is_cut, peer_, batch);
    return Next::kUnit;
  }

 private:
  RfcSyslogParser& parser_;
  const Peer peer_;
  RfcFrames frames_;
  StreamBuffer buffer_;
};

}  // namespace spillway::agent
