// StreamDecoder: what a kind of TCP source knows of its protocol; StreamServer does the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "agent/net/stream_buffer.h"
#include "channel/event_batch.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Who is at the other end of a connection or sent a datagram.
struct Peer {
  std::string address;    // 192.0.2.1 or 2001:db8::1
  std::string host_name;  // as asked of the resolver; the address when unknown or not asked for
  std::uint16_t port = 0;
  std::uint16_t local_port = 0;
};

/// Turns the bytes of one client into events. Lives on the server's thread.
///
/// A unit is what is answered as a whole: a line, a request. Its events reach the channels in one
/// transaction, which it may share with units of other clients.
class StreamDecoder {
 public:
  StreamDecoder() = default;
  StreamDecoder(const StreamDecoder&) = delete;
  StreamDecoder& operator=(const StreamDecoder&) = delete;
  virtual ~StreamDecoder() = default;

  /// More input. `piece` is borrowed until settle(). Memory must stay bounded whatever comes.
  virtual void feed(const StreamPiece& piece) = 0;
  virtual void settle() = 0;

  enum class Next : std::uint8_t {
    kUnit,      // the next unit's events were added (possibly none)
    kNeedMore,  // feed() first
    kEnd,       // nothing more can be understood: last_words(), then the connection ends
  };
  virtual Next next(channel::EventBatch& batch) = 0;

  /// The client has sent everything: what is left becomes a unit (kUnit) or is nobody's (kEnd).
  virtual Next finish(channel::EventBatch& batch) {
    static_cast<void>(batch);
    return Next::kEnd;
  }

  /// The fate of the oldest unit not yet answered; appends what its client is to be told.
  virtual void answer(const Result<void>& received, std::string& replies) {
    static_cast<void>(received);
    static_cast<void>(replies);
  }

  /// After kEnd, once every unit before it is answered.
  virtual void last_words(std::string& replies) { static_cast<void>(replies); }

  /// The last answer was the last: close when the replies are out.
  [[nodiscard]] virtual bool is_done() const { return false; }

  /// What may be said at once although units before it are unanswered (100 Continue), or nothing.
  virtual void take_interim(std::string& replies) { static_cast<void>(replies); }
};

using DecoderFactory = std::function<std::unique_ptr<StreamDecoder>(const Peer& peer)>;

}  // namespace spillway::agent
