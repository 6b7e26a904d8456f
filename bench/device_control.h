// The bare device, measured beside every sample: what the engine is compared with.
// Method and names of the controls: docs/benchmarks.md, "Controls".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "bench/bare_group.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

/// Of one run of a control. Only durable_writes() fills in the latencies.
struct ControlSample {
  double ops_per_second = 0;
  double bytes_per_second = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t p999_ns = 0;
};

/// One pre-written file, opened directly. Not thread-safe.
class DeviceControl {
 public:
  /// Creates and pre-writes `control` in `directory`, which must outlive this.
  static Result<std::unique_ptr<DeviceControl>> open(io::Directory& directory, const Clock& clock);

  /// B1: one durable 4 KiB write after the other.
  Result<ControlSample> durable_writes(std::uint64_t duration_ns);

  /// B0: 4 KiB appended to a file of the page cache, then a sync, again and again.
  Result<ControlSample> growing_writes(std::uint64_t duration_ns);

  /// W: 1 MiB writes by 8 threads, not durable: what the device can take.
  Result<ControlSample> raw_writes(std::uint64_t duration_ns);

  /// R: 1 MiB reads by 8 threads: what the device can give.
  Result<ControlSample> raw_reads(std::uint64_t duration_ns);

  /// Durable writes of `bytes`, `depth` under way at a time: by as many threads, or by a queue.
  Result<ControlSample> threaded_durable_writes(std::uint64_t bytes, std::size_t depth,
                                                std::uint64_t duration_ns);
  Result<ControlSample> queued_durable_writes(io::WriteQueue& queue, std::uint64_t bytes,
                                              std::uint64_t duration_ns);

  /// Group commit with nothing but the staging, the writes and the wake-ups.
  Result<BareGroupSample> bare_group_commits(std::size_t threads, std::uint64_t commit_bytes,
                                             std::uint64_t duration_ns);

  /// The best p50 that durable_writes() has seen; UINT64_MAX before the first.
  [[nodiscard]] std::uint64_t best_p50_ns() const { return best_p50_ns_; }

  [[nodiscard]] const Clock& clock() const { return clock_; }

 private:
  using Transfer = std::function<bool(std::uint64_t at, MutableByteSpan bytes)>;

  DeviceControl(io::Directory& directory, std::unique_ptr<io::File> file, const Clock& clock);

  struct Shape {
    std::uint64_t bytes = 0;
    std::size_t threads = 0;
  };
  Result<ControlSample> transfer(const Shape& shape, std::uint64_t duration_ns,
                                 const Transfer& one);

  io::Directory& directory_;
  std::unique_ptr<io::File> file_;
  const Clock& clock_;
  std::uint64_t best_p50_ns_ = UINT64_MAX;
};

}  // namespace spillway::bench
