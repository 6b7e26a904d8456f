// HttpRules: what an HTTP status code means for the events that were posted.
//
// A rule for the code beats one for its group (4XX), and that beats the default.
// Source: Flume 1.11, HttpSink.findOverrideValue.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "agent/config.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct HttpVerdict {
  bool backs_off = true;
  bool rolls_back = true;
  bool is_counted = false;
};

/// Immutable; thread-safe.
class HttpRules {
 public:
  /// From default* and backoff.*, rollback.*, incrementMetrics.*. kBadConfig: one of those names
  /// no code and no group.
  static Result<HttpRules> read(const Config& config);

  /// Codes of the group 2XX without a rule mean success: Flume would post them for ever.
  [[nodiscard]] HttpVerdict verdict(long status) const;

 private:
  using Rules = std::map<std::string, bool, std::less<>>;

  static Result<Rules> read_rules(const Config& config, std::string_view prefix);
  static bool find(const Rules& rules, long status, bool otherwise);

  HttpVerdict default_;
  Rules backoff_;
  Rules rollback_;
  Rules counting_;
};

}  // namespace spillway::agent
