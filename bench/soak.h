// A channel used for a long time while its backlog grows over the cache and shrinks again: does
// memory stay flat, and are all files closed?
//
// One producer at a steady rate; one consumer that pauses until the backlog has its size, then
// drains it, giving every so many events back once. Every event is numbered: none may be missing or
// out of order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/bench_channel.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

struct SoakPlan {
  ChannelSetup channel = {};
  std::uint64_t duration_ns = 600'000'000'000;
  std::uint64_t sample_every_ns = 200'000'000;
  std::size_t event_bytes = 500;  // at least 8: the number of the event
  std::size_t batch_events = 100;
  std::uint64_t put_bytes_per_second = 100'000'000;
  std::uint64_t backlog_bytes_max = 1 * kGiB;  // event bytes; then the consumer begins to drain
};

/// The process at one moment.
struct SoakSample {
  double seconds = 0;         // since the start
  std::size_t cycles = 0;     // times the backlog has grown and been drained
  bool is_draining = false;   // or the consumer pauses
  double backlog_bytes = 0;   // event bytes
  double resident_bytes = 0;  // of this process
  double open_files = 0;      // likewise
};

struct SoakRun {
  std::vector<SoakSample> samples;
  std::uint64_t events_put = 0;
  std::uint64_t events_taken = 0;  // committed; the same after a successful run
  std::uint64_t events_given_back = 0;
  std::uint64_t put_p50_ns = 0;
  std::uint64_t put_p999_ns = 0;
  std::uint64_t put_max_ns = 0;
};

/// Told of each sample; false ends the run early.
using OnSoakSample = std::function<bool(const SoakSample& now)>;

/// Runs the plan in an empty directory. At the end everything is drained. kCorrupt: an event was
/// missing, out of order or damaged.
Result<SoakRun> run_soak(const SoakPlan& plan, io::FileSystem& file_system, const Clock& clock,
                         const OnSoakSample& on_sample);

}  // namespace spillway::bench
