// Takes from a backlog for a while, as one sink does: batch, look at the bodies, commit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/bench_channel.h"
#include "bench/peers/peer_load.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"

namespace spillway::bench {

struct TakeLoad {
  std::size_t batch_events = 100;
  std::size_t event_bytes = 500;
  std::uint64_t warm_up_ns = 50'000'000;  // not counted
  std::uint64_t duration_ns = 400'000'000;
  std::uint64_t backlog_events = 400'000;  // the load ends with it
};

/// Fills the channel up to the backlog first, which does not count. kFull: the backlog ended before
/// anything could be counted.
Result<PeerSample> run_takes(BenchChannel& channel, const TakeLoad& load, const Clock& clock);

}  // namespace spillway::bench
