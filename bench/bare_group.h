// Group commit with everything left out but staging, the durable write and the wake-up.
//
// What so many threads pay at least on this machine, whatever the engine does: the limit that the
// figures of group commit are held against (docs/benchmarks.md, "Controls"). The hand-over is the
// engine's: whoever finds the device free writes what is staged, all of a block sleep on one word.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

struct BareGroupOptions {
  std::size_t threads = 1;
  std::uint64_t commit_bytes = 500;
  std::uint64_t duration_ns = 400'000'000;
  std::uint64_t file_bytes = 0;  // that may be written over, in turns; a commit of each fits
};

struct BareGroupSample {
  double commits_per_second = 0;
  double bytes_per_second = 0;  // of what was committed
  double cpu_us_per_commit = 0;
};

/// Durable commits to `file`, pre-written and opened directly, by threads that commit again and
/// again. No encoding, no hash, no order, no accounting, nothing to recover from.
Result<BareGroupSample> commit_bare_groups(io::File& file, const BareGroupOptions& options,
                                           const Clock& clock);

}  // namespace spillway::bench
