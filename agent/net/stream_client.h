// StreamClient: one connection of a StreamServer, plain or TLS, and what it waits for.
#pragma once

#include <asio.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agent/net/stream_decoder.h"
#include "agent/net/tls_session.h"

namespace spillway::agent {

/// Lives on the loop's thread.
struct StreamClient {
  explicit StreamClient(asio::ip::tcp::socket connected) : socket(std::move(connected)) {}

  IoStep read(std::span<char> into) {
    if (tls != nullptr) return tls->read(into);
    std::error_code error;
    const std::size_t count = socket.read_some(asio::buffer(into.data(), into.size()), error);
    return step_of(error, count, IoStep::State::kWantsRead);
  }
  IoStep write(std::string_view bytes) {
    if (tls != nullptr) return tls->write(bytes);
    std::error_code error;
    const std::size_t count = socket.write_some(asio::buffer(bytes), error);
    return step_of(error, count, IoStep::State::kWantsWrite);
  }

  asio::ip::tcp::socket socket;
  std::unique_ptr<TlsSession> tls;         // nullptr: plain text
  std::unique_ptr<StreamDecoder> decoder;  // nullptr before the first input and while lingering
  std::string replies;                     // not yet handed to the kernel
  std::chrono::steady_clock::time_point active_at;
  std::optional<asio::steady_timer> linger_timer;  // while lingering

  bool is_reading = false;      // waits for input
  bool is_writing = false;      // waits for room in the send buffer
  bool has_more = false;        // the decoder stopped because the channels are full
  bool has_ended = false;       // the peer sends no more
  bool has_last_words = false;  // the decoder gave up
  bool is_ending = false;       // finish after the next commit: its units are in it
  bool is_finishing = false;    // close once the replies are out

 private:
  static IoStep step_of(const std::error_code& error, std::size_t count, IoStep::State blocked) {
    using State = IoStep::State;
    if (!error) return {.state = State::kMoved, .bytes = count};
    if (error == asio::error::would_block || error == asio::error::interrupted) {
      return {.state = blocked};
    }
    return {.state = error == asio::error::eof ? State::kEnd : State::kFailed};
  }
};

using StreamClientPtr = std::shared_ptr<StreamClient>;

}  // namespace spillway::agent
