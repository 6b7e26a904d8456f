// Syslog as the RFCs write it: 5424 with all its fields, 3164 with tag and process id.
//
// What the sources use with `parser = rfc`. Sources: RFC 5424 section 6, RFC 3164 section 4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/sources/syslog_event.h"
#include "agent/sources/syslog_keep_fields.h"
#include "agent/sources/syslog_time.h"
#include "wal/base/clock.h"

namespace spillway::agent {

/// Views into one message; an absent field is empty.
struct RfcMessage {
  int priority = -1;  // 0 to 191
  SyslogHeader fields = {};
  std::string_view app_name = {};  // RFC 3164's tag
  std::string_view proc_id = {};
  std::string_view msg_id = {};
  std::string_view structured_data = {};
  std::string_view message = {};
  bool is_valid = false;  // otherwise only `priority` may be set
};
RfcMessage parse_rfc_syslog(std::string_view text);

/// The time of a valid message in ms; nullopt when it has none.
std::optional<std::int64_t> rfc_timestamp_ms(std::string_view text, std::int64_t now_ms);

/// Makes events of messages. One per source; used by one thread.
class RfcSyslogParser final : public SyslogParser {
 public:
  RfcSyslogParser(KeepFields keep, PeerHeaderNames peer_headers, const Clock& clock)
      : keep_(keep), peer_headers_(std::move(peer_headers)), clock_(clock) {}

  void add(std::string_view line, bool is_cut, const Peer& peer,
           channel::EventBatch& batch) override;

 private:
  void put_timestamp(std::string_view text);

  const KeepFields keep_;
  const PeerHeaderNames peer_headers_;
  const Clock& clock_;
  SyslogEvent event_;
  TimeMemo memo_;
  std::string body_;  // scratch
};

}  // namespace spillway::agent
