// keepFields: which parts of a syslog header stay in the body. Flume: SyslogUtils.
#pragma once

#include <string>
#include <string_view>

namespace spillway::agent {

struct KeepFields {
  bool all = false;  // the line as it came
  bool priority = false;
  bool version = false;
  bool timestamp = false;
  bool host_name = false;

  /// Flume's rule: none, false, all, true, or anything that contains the names of fields.
  static KeepFields parse(std::string_view text);

  /// Is the body just the message?
  [[nodiscard]] bool is_none() const {
    return !all && !priority && !version && !timestamp && !host_name;
  }
};

/// The parts of one header, as written.
struct SyslogHeader {
  std::string_view priority;
  std::string_view version;
  std::string_view timestamp;
  std::string_view host;
};

/// Replaces `body` by the kept fields and `message`; an absent time or host is written as "-".
void join_kept_fields(const KeepFields& keep, const SyslogHeader& header, std::string_view message,
                      std::string& body);

}  // namespace spillway::agent
