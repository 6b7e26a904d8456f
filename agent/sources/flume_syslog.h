// Flume's own reading of syslog for `syslogtcp` and `syslogudp`: framing, header, time.
//
// Bug for bug where it shapes events (SyslogUtils of 1.11): only the fields up to the host are
// understood, a fractional timestamp loses its zone, a carriage return in the message makes the
// header unknown. Not copied: values of one event that leak into the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/sources/syslog_event.h"
#include "agent/sources/syslog_format.h"
#include "agent/sources/syslog_keep_fields.h"
#include "agent/sources/syslog_time.h"
#include "wal/base/clock.h"

namespace spillway::agent {

/// What Flume's state machine makes of the front of a stream.
struct FlumeFrame {
  std::string_view line;  // with the priority, without the newline
  std::size_t used_bytes = 0;
  int priority = -1;  // -1: invalid
  bool is_cut = false;
  bool is_whole = false;  // false: more input is needed; used_bytes are newlines to skip
};

/// `scanned` bytes are known to hold no newline; updated. `bytes_max` is at least 10.
FlumeFrame next_flume_frame(std::string_view input, std::size_t bytes_max, std::size_t& scanned);

/// The one event of a datagram; nullopt for one that Flume drops: empty, or "<" alone.
std::optional<FlumeFrame> flume_datagram_frame(std::string_view datagram);

/// What the header patterns find in a line.
struct FlumeHeader {
  SyslogHeader fields;
  std::string_view message;
  bool has_year = false;      // RFC 5424's time, not 3164's
  bool is_formatted = false;  // by a SyslogFormat, which knows its time
};
/// `is_known_ascii`: no byte of `line` is above 0x7F.
std::optional<FlumeHeader> match_flume_header(std::string_view line, bool is_known_ascii = false);

/// Flume's time of a matched header, in ms; nullopt when there is none.
std::optional<std::int64_t> flume_timestamp_ms(const FlumeHeader& header, std::int64_t now_ms);

/// Makes events of frames. One per source; used by one thread.
class FlumeSyslogParser {
 public:
  struct Options {
    KeepFields keep;
    PeerHeaderNames peer_headers;
    std::optional<SyslogFormat> format = std::nullopt;  // tried first
  };
  FlumeSyslogParser(Options options, const Clock& clock)
      : options_(std::move(options)), clock_(clock) {}

  void add(const FlumeFrame& frame, const Peer& peer, channel::EventBatch& batch);

 private:
  std::string_view put_header(const FlumeFrame& frame);
  [[nodiscard]] std::optional<FlumeHeader> match(std::string_view line, bool is_known_ascii) const;
  void put_fields(const FlumeHeader& header);
  std::optional<std::int64_t> remembered_ms(const FlumeHeader& header);
  std::string_view body_of(const SyslogHeader& header, std::string_view message,
                           std::string_view line);

  const Options options_;
  const Clock& clock_;
  SyslogEvent event_;
  std::string text_;  // the line in valid UTF-8, when it was not
  std::string body_;  // scratch

  TimeMemo memo_;
};

}  // namespace spillway::agent
