// The same load for every store: threads that commit batches for a while.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bench/peers/peer.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"

namespace spillway::bench {

struct PeerLoad {
  std::size_t threads = 1;
  std::size_t batch_events = 1;
  std::size_t event_bytes = 500;
  std::uint64_t duration_ns = 400'000'000;
  std::uint64_t payload_bytes_max = 256ULL << 20U;  // ends it early
};

struct PeerSample {
  double events_per_second = 0;
  double p50_us = 0;  // of a commit
  double p99_us = 0;
};

/// Fails with the first error of a put.
Result<PeerSample> run_load(Peer& peer, const PeerLoad& load, const Clock& clock);

}  // namespace spillway::bench
