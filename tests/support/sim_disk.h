// A disk in memory that tears, loses, reorders and refuses: the FileSystem of engine tests.
//
// Model and durability rules: sim_store.h. Every call through the seam is numbered from 1, so a
// test can run a workload once, then once per call with that call failing or the power gone.
//
//   SimDisk disk({.seed = 7});
//   disk.crash_at(12, CrashPhase::kAfterSubmit);
//   run(disk);                                    // every call from the 12th on says kClosed
//   for (const Survivors& choice : survivor_choices(disk.pending().size(), 7)) {
//     const auto after = disk.crash_image(choice);
//     check(*after);
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/sim_call.h"
#include "tests/support/survivors.h"
#include "wal/io/file.h"

namespace spillway::test {

class SimKernel;

struct SimOptions {
  std::uint64_t seed = 1;  // completion order, partial effects, garbage
  std::uint64_t capacity_bytes = kGiB;
  bool is_direct = true;
  bool is_copy_on_write = false;
  bool is_slow = false;  // a durable write gives other threads a chance before it is durable
};

/// What a power loss now might undo.
struct PendingOp {
  SimOpKind kind = SimOpKind::kWrite;
  std::string path = {};
  std::uint64_t offset = 0;  // of the first byte; kGrow, kShrink: the new size
  std::uint64_t size_bytes = 0;
  bool is_in_flight = false;  // submitted to a WriteQueue, not reaped
};

/// Thread-safe. Deterministic from the seed as long as the calls come in the same order. Files,
/// directories and queues may outlive it. Paths of files are `directory/name`.
class SimDisk final : public io::FileSystem {
 public:
  explicit SimDisk(const SimOptions& options = {});
  ~SimDisk() override;

  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override;

  /// Writes complete in an order drawn from the seed, some of them at each reap().
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t depth,
                                                           io::Durability durability) override;

  // Faults. A failing write may leave any of its sectors behind (not direct: in the page cache
  // only); a failing allocate() may have grown the file, a failing truncate() may have cut it;
  // after a failing sync no later one makes durable what was pending.
  enum class Repeat : std::uint8_t { kOnce, kAlways };

  /// kAlways: this call and every later one.
  void fail_call(std::uint64_t number, const Error& error, Repeat repeat = Repeat::kOnce);
  void fail_when(std::function<bool(const SimCall&)> matches, const Error& error,
                 Repeat repeat = Repeat::kAlways);
  /// Reads that touch the range fail until clear_faults(), in crash images too.
  void fail_reads(const std::string& path, std::uint64_t offset, std::uint64_t size_bytes);
  void clear_faults();
  void set_capacity(std::uint64_t capacity_bytes);

  // Power loss: from then on every call returns kClosed and nothing changes any more.
  void crash_at(std::uint64_t number, CrashPhase phase);
  void crash_now();
  [[nodiscard]] bool is_crashed() const;

  [[nodiscard]] std::vector<PendingOp> pending() const;
  /// The disk after a power loss now; this one is not touched. Locks and faults are gone.
  [[nodiscard]] std::unique_ptr<SimDisk> crash_image(const Survivors& survivors) const;

  // Queued writes stay in flight between the two.
  void hold_writes();
  void release_writes();

  [[nodiscard]] std::uint64_t call_count() const;
  [[nodiscard]] std::vector<SimCall> calls() const;

  // The medium, behind the back of who uses it: durable at once, not a call.
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] bool exists(const std::string& path) const;
  /// Of an existing file, as the running system reads it.
  [[nodiscard]] std::vector<std::byte> contents(const std::string& path) const;
  void put(const std::string& path, ByteSpan bytes);
  void erase(const std::string& path);
  /// Lets `change` alter bytes of an existing file in place, durable ones included.
  void corrupt(const std::string& path, std::uint64_t offset, std::uint64_t size_bytes,
               const std::function<void(MutableByteSpan)>& change);

 private:
  explicit SimDisk(std::shared_ptr<SimKernel> kernel);

  const std::shared_ptr<SimKernel> kernel_;
};

}  // namespace spillway::test
