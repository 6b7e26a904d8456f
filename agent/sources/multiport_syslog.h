// Flume's other reading of syslog, that of `multiport_syslogtcp`: lines, header, time, charset.
//
// Differs from flume_syslog.h in what is a header, in its header names and in its time zone (UTC).
// Flume: MultiportSyslogTCPSource, SyslogParser. Not copied: times more than a month off become
// 1999 or 2001 there, and a line that ends inside its time loses the rest of the read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/charset.h"
#include "agent/sources/syslog_event.h"
#include "agent/sources/syslog_keep_fields.h"
#include "agent/sources/syslog_time.h"
#include "wal/base/clock.h"

namespace spillway::agent {

/// A line of at most `bytes_max` bytes: one that long without a newline is cut there.
struct MultiportFrame {
  std::string_view line;
  std::size_t used_bytes = 0;
  bool is_cut = false;
  bool is_whole = false;
};
MultiportFrame next_multiport_frame(std::string_view input, std::size_t bytes_max,
                                    std::size_t& scanned);

struct MultiportMessage {
  int priority = 0;
  SyslogHeader fields;  // the time is "-" when the sender gave none
  std::string_view message;
};
/// nullopt for what Flume calls invalid.
std::optional<MultiportMessage> parse_multiport_syslog(std::string_view line);

/// The time of a parsed message in ms; nullopt when it is none, and the message invalid.
std::optional<std::int64_t> multiport_timestamp_ms(std::string_view text, std::int64_t now_ms);

/// Makes events of lines. One per source; used by one thread.
class MultiportSyslogParser {
 public:
  MultiportSyslogParser(KeepFields keep, PeerHeaderNames peer_headers, const Clock& clock)
      : keep_(keep), peer_headers_(std::move(peer_headers)), clock_(clock) {}

  void add(std::string_view line, bool is_cut, const Charset& charset, const Peer& peer,
           channel::EventBatch& batch);

 private:
  bool put_header(std::string_view line, const Charset& charset);
  std::optional<std::int64_t> time_ms(std::string_view text);

  const KeepFields keep_;
  const PeerHeaderNames peer_headers_;
  const Clock& clock_;
  SyslogEvent event_;
  TimeMemo memo_;
  std::string_view message_;
  std::string body_;  // scratch
  std::string host_;  // scratch: the host in UTF-8
};

}  // namespace spillway::agent
