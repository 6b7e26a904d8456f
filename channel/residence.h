// Where a channel's events are, in the same words for every type.
#pragma once

#include <cstdint>

#include "wal/base/metrics.h"

namespace spillway::channel {

struct Residence {
  std::uint64_t bytes = 0;            // bodies in memory, segments on disk
  std::uint64_t resident_events = 0;  // in memory only
  std::uint64_t spilled_events = 0;   // on disk
  std::uint64_t oldest_age_ns = 0;    // of an event not yet acknowledged
  std::uint64_t switches = 0;         // from memory to disk and back
  std::uint64_t memory_ns = 0;        // since the start, as a channel in memory
  std::uint64_t disk_ns = 0;          // … and as one on disk
};

void collect(const Residence& residence, MetricSink& sink);

}  // namespace spillway::channel
