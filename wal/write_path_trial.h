// Which way keeps several durable writes in flight faster on this device: a queue driven by one
// thread, or a thread for each write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::wal {

struct TrialFigures {
  std::size_t rounds = 0;            // of one turn each
  double ring_bytes_per_second = 0;  // medians
  double threads_bytes_per_second = 0;

  /// Enough rounds, and a lead that is no chance.
  [[nodiscard]] bool is_ring_ahead() const;
};

struct TrialOptions {
  std::size_t depth = 4;
  io::Durability durability = io::Durability::kDurable;
  std::uint64_t time_max_ns = 50'000'000;
};

/// Both ways take turns until the time is over, or `goes_on`, which is called from several threads,
/// ends it; then there are fewer rounds, maybe none. Reads the first MiBs of `file` and writes them
/// back again and again, so it may hold anything, but nobody else may use it. An error is the
/// device's.
Result<TrialFigures> compare_write_paths(io::File& file, io::WriteQueue& queue, const Clock& clock,
                                         const TrialOptions& options,
                                         const std::function<bool()>& goes_on);

}  // namespace spillway::wal
