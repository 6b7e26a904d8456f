// One run of producers and consumers against a file channel in an empty directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "channel/file_channel.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

struct LoadOptions {
  std::size_t producers = 1;
  std::size_t consumers = 0;
  std::size_t batch_events = 1;
  std::size_t event_bytes = 500;
  std::uint64_t duration_ns = 1'000'000'000;
};

struct LoadSample {
  double events_per_second = 0;  // committed puts
  double commits_per_second = 0;
  double payload_bytes_per_second = 0;  // event bodies
  double taken_per_second = 0;
  double cpu_us_per_event = 0;
  double write_amplification = 0;  // log bytes / event bodies
  double events_per_block = 0;
  std::uint64_t p50_ns = 0;  // of a commit
  std::uint64_t p99_ns = 0;
  std::uint64_t p999_ns = 0;
};

/// Runs the load in `directory` (created, and emptied of a channel afterwards).
Result<LoadSample> run_load(const LoadOptions& options, const std::string& directory,
                            io::FileSystem& file_system, const Clock& clock);

}  // namespace spillway::bench
