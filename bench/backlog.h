// Channels with many events on disk, left behind by processes that were killed.
#pragma once

#include <cstdint>
#include <string>

#include "bench/bench_channel.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

struct BacklogPlace {
  std::string directory;
  io::FileSystem& file_system;
  const Clock& clock;
  std::uint64_t event_bytes = 16;
};

/// Of the process that filled the channel.
struct BacklogFill {
  double events_per_second = 0;
  double memory_per_event = 0;  // growth of resident bytes, once buffers and cache were full
};

/// Of a process that started on the backlog, was measured and killed again.
struct BacklogOpen {
  double start_ms = 0;
  double tail_bytes = 0;      // of the log, scanned by the start
  double events = 0;          // found
  double resident_bytes = 0;  // after the start
  double first_take_ms = 0;   // 1000 events, right after it
  double checkpoint_ms = 0;
  double manifest_bytes = 0;  // of that checkpoint
  double segments = 0;
};

/// Puts `events` events into a new channel.
Result<BacklogFill> fill_and_kill(const BacklogPlace& place, std::uint64_t events);

/// Leaves a tail behind that is as long as the checkpoints allow: about 31 MiB of new events. The
/// 1000 events that are taken go back to the front.
Result<BacklogOpen> open_and_kill(const BacklogPlace& place);

}  // namespace spillway::bench
