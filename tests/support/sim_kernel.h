// What the handles of one SimDisk share: the store, the numbered calls, faults and the crash.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sim_disk.h"
#include "tests/support/sim_store.h"

namespace spillway::test {

/// How one call goes on after it was counted.
struct SimStep {
  std::optional<Error> fault;
  std::optional<CrashPhase> crash;  // never kBefore: such a call does not get here
};

/// A write submitted to a queue and not reaped.
struct SimQueued {
  std::uint64_t op_id = 0;
  std::uint64_t tag = 0;
  std::optional<Error> error;
};

/// Public fields are guarded by `mutex`; methods named *_locked expect it held.
class SimKernel {
 public:
  SimKernel(const SimOptions& simulated, SimStore contents)
      : options(simulated), random(simulated.seed), store(std::move(contents)) {}

  /// Counts the call. An error is the caller's to return at once: there was no power.
  Result<SimStep> begin_locked(SimCallKind kind, const std::string& path, std::uint64_t offset = 0,
                               std::uint64_t size_bytes = 0);

  /// Ends a call that took effect: nil, or kClosed when the power went with it.
  Result<void> end_locked(const SimStep& step);

  void crash_locked();

  /// kNoSpace when a file growing from `old_bytes` to `new_bytes` does not fit.
  std::optional<Error> no_space_locked(std::uint64_t old_bytes, std::uint64_t new_bytes) const;

  // The calls themselves.
  Result<SimNodePtr> open(const std::string& path, io::OpenMode mode);
  Result<std::vector<std::string>> list(const std::string& directory);
  Result<void> remove(const std::string& path);
  Result<void> sync_directory(const std::string& directory);
  Result<io::SpaceInfo> space(const std::string& directory);
  Result<void> lock(const std::string& directory);
  void unlock(const std::string& directory);
  Result<std::size_t> read(const SimNodePtr& node, std::uint64_t offset, MutableByteSpan bytes);
  Result<void> write(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                     io::Durability durability);
  Result<void> sync(const SimNodePtr& node);
  Result<std::uint64_t> size(const SimNodePtr& node);
  Result<void> allocate(const SimNodePtr& node, std::uint64_t size_bytes);
  Result<void> truncate(const SimNodePtr& node, std::uint64_t size_bytes);
  SimQueued submit(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                   io::Durability durability);

  struct Fault {
    std::function<bool(const SimCall&)> matches;
    Error error;
    SimDisk::Repeat repeat;
  };
  struct BadRange {
    std::string path;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct CrashPoint {
    std::uint64_t number = 0;
    CrashPhase phase = CrashPhase::kBefore;
  };

  mutable std::mutex mutex;
  std::condition_variable wake_queues;
  SimOptions options;
  SimRandom random;
  SimStore store;
  std::vector<SimCall> calls;
  std::vector<Fault> faults;
  std::vector<BadRange> bad_ranges;
  std::optional<CrashPoint> crash_point;
  std::set<std::string> locked_directories;
  bool is_crashed = false;
  bool holds_writes = false;
};

}  // namespace spillway::test
