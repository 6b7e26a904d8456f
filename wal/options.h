// What a log can be told, with the cost of each choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "wal/base/bytes.h"
#include "wal/io/file.h"

namespace spillway::wal {

class KeyRing;

/// Who does the work that no caller waits for.
enum class Background : std::uint8_t {
  kThreads,  // a writer and a preparer thread
  kNone,     // the calling threads, in a fixed order: deterministic tests and offline tools
};

/// Who keeps several writes in flight (docs/decisions/0304-write-path.md).
enum class WritePath : std::uint8_t {
  kThreads,  // a thread for each
  kRing,     // one thread with a queue of the file system (io_uring), where there is one
  kAuto,     // threads, until a trial on this device has shown the ring clearly ahead
};

/// Format of a slot in parts (docs/format.md).
inline constexpr std::uint64_t kStripeBytes = 512 * kKiB;

struct LogOptions {
  // One slot file. Larger: fewer rotations and files; smaller: space comes back in finer steps.
  std::uint64_t slot_bytes = 64 * kMiB;

  // Several data directories: how much of a slot lies in one before it is the next one's turn. Not
  // kStripeBytes in tests only: whoever opens the slots again has to know it.
  std::uint64_t stripe_bytes = kStripeBytes;

  // Pre-written slots kept ready. Each costs slot_bytes of disk and hides 25 ms of preparation.
  // Doubles, up to the maximum, when a burst comes.
  std::size_t spare_slots_min = 2;
  // Drained slots kept for reuse beyond which files are deleted.
  std::size_t spare_slots_max = 8;

  // While slots are taken faster than one in this time, and two are ready, no more are prepared:
  // the device is the burst's.
  std::uint64_t lull_ms = 250;

  // A drained slot is given back in steps of this size: deleting 64 MiB at once stalls commits
  // beside it for 16 ms (docs/decisions/0302-deleting-slots.md).
  std::uint64_t cut_bytes = 4 * kMiB;

  // Free space that is left on each data directory for others; appends are refused while none of
  // them has that much. 0: down to the last byte.
  std::uint64_t free_bytes_min = 0;

  // A block is closed at this size. Larger amortises the flush, smaller bounds its latency.
  std::uint64_t block_bytes_max = 1 * kMiB;

  // Staged and not yet durable; producers wait beyond it.
  std::uint64_t staging_bytes_max = 8 * kMiB;

  // Transactions nobody waits for: how long the oldest may stay without being durable before the
  // next one has to wait.
  std::uint64_t lag_ns_max = 10'000'000;

  // Whoever appends with Waiter::kNone keeps the entries until wait_appended() says what of them
  // was dropped; before that nothing is taken behind dropped ones, so that these are the newest.
  bool keeps_unawaited = false;

  // kNone: blocks reach the device but not necessarily its medium before LogWriter::sync().
  io::Durability block_durability = io::Durability::kDurable;

  // Writes under way at most. A second one starts only when this much is waiting: small blocks do
  // better by growing while the device is busy (docs/decisions/0303-write-depth.md).
  std::size_t write_depth_max = 4;
  std::uint64_t overlap_bytes_min = 128 * kKiB;
  // On a device whose writes take this long in the mean a further one starts in any case.
  std::uint64_t slow_write_ns = 1'000'000;
  WritePath write_path = WritePath::kThreads;  // applied by WritePathChooser

  // Durable blocks kept in memory for consumers; beyond it they are read back from disk.
  std::uint64_t cache_bytes_max = 40 * kMiB;

  // One sequential read of the consumer path.
  std::uint64_t read_bytes = 1 * kMiB;

  // Read before a consumer that is behind the cache asks for it. Takes up to
  // 1 + block_bytes_max / read_bytes times as much memory, while it is behind only.
  std::uint64_t read_ahead_bytes = 8 * kMiB;

  // Acknowledgements that no commit has carried for this long get a block of their own, and a
  // quiet log gets one block that proves the last commit durable (recovery_table.h).
  std::uint64_t idle_flush_ms = 5;

  Background background = Background::kThreads;

  // Seed of the segment nonces; 0 takes one from the kernel.
  std::uint64_t nonce_seed = 0;

  // Keys of encrypted segments, and the one for new segments; none: plain text (block_cipher.h).
  std::shared_ptr<const KeyRing> keys{};
};

}  // namespace spillway::wal
