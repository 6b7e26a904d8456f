// The bare device, measured beside every sample: what the engine is compared with.
// Method: docs/benchmarks.md, "Protocol".
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

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

  /// W: 1 MiB writes by 8 threads, not durable: what the device can take.
  Result<ControlSample> raw_writes(std::uint64_t duration_ns);

 private:
  DeviceControl(std::unique_ptr<io::File> file, const Clock& clock);

  std::unique_ptr<io::File> file_;
  const Clock& clock_;
};

}  // namespace spillway::bench
