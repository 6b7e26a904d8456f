// SyslogEvent: one event under construction by a syslog parser.
//
// Keeps the texts that headers point to. Reused from line to line; holds no state between lines.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/net/event_headers.h"
#include "agent/net/stream_decoder.h"
#include "channel/event_batch.h"

namespace spillway::agent {

inline constexpr std::string_view kSyslogStatusHeader = "flume.syslog.status";

/// Headers a source adds to every event; an empty name adds none.
struct PeerHeaderNames {
  std::string address;
  std::string host_name;
  std::string local_port;
};

class SyslogEvent {
 public:
  EventHeaders headers;

  /// Facility and Severity of `priority`, as Flume writes them.
  void put_priority(int priority) {
    headers.put("Facility", facility_.of(priority / 8));
    headers.put("Severity", severity_.of(priority % 8));
  }
  void put_timestamp(std::int64_t ms) { headers.put("timestamp", timestamp_.of(ms)); }

  void put_peer(const PeerHeaderNames& names, const Peer& peer) {
    if (!names.local_port.empty()) headers.put(names.local_port, local_port_.of(peer.local_port));
    if (!names.address.empty()) headers.put(names.address, peer.address);
    if (!names.host_name.empty()) headers.put(names.host_name, peer.host_name);
  }

  void add_to(channel::EventBatch& batch, std::string_view body) {
    batch.add(headers.all(), body);
    headers.clear();
  }

 private:
  /// The digits of a number, which is mostly that of the line before.
  class Digits {
   public:
    /// Valid until the next call.
    std::string_view of(std::int64_t number);

   private:
    std::int64_t number_ = 0;
    std::array<char, 24> text_{'0'};
    std::size_t count_ = 1;
  };

  Digits facility_;
  Digits severity_;
  Digits timestamp_;
  Digits local_port_;
};

/// A syslog line's way into a batch. One instance per source; used by one thread.
class SyslogParser {
 public:
  SyslogParser() = default;
  SyslogParser(const SyslogParser&) = delete;
  SyslogParser& operator=(const SyslogParser&) = delete;
  virtual ~SyslogParser() = default;

  /// Adds the event of `line`, whose end was cut off when `is_cut`. Every line becomes an event;
  /// one that is not syslog says so in a header.
  virtual void add(std::string_view line, bool is_cut, const Peer& peer,
                   channel::EventBatch& batch) = 0;
};

}  // namespace spillway::agent
