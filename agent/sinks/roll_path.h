// RollPath: the names of a rolling sink's files, as Flume's path managers make them.
//
// `default`: <prefix><ms when the sink was made>-<n>[.ext]; `rolltime`: <prefix><local
// yyyyMMddHHmmss>-<n>[.ext], n from 1 in every second.
#pragma once

#include <cstdint>
#include <string>

#include "wal/base/clock.h"

namespace spillway::agent {

struct RollPathOptions {
  std::string manager = "default";  // or "rolltime"
  std::string prefix;
  std::string extension;  // without the dot
};

/// Not thread-safe.
class RollPath {
 public:
  RollPath(RollPathOptions options, const Clock& clock);

  /// The next name; never the same twice.
  std::string next();

 private:
  const RollPathOptions options_;
  const Clock& clock_;

  std::string series_;  // what stands between prefix and index
  std::uint64_t index_ = 0;
};

}  // namespace spillway::agent
