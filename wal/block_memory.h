// Memory for blocks under construction, carved from large aligned slabs that are used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/base/mutex.h"
#include "wal/block.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::wal {

/// A slab returns here when the last block in it is forgotten; a few are kept, the rest is freed.
/// Thread-safe.
class SlabPool : public std::enable_shared_from_this<SlabPool> {
 public:
  /// `slab_bytes`: size of an ordinary slab; `kept_max`: idle slabs kept for reuse.
  static std::shared_ptr<SlabPool> make(std::size_t slab_bytes, std::size_t kept_max,
                                        io::PageAdvice advice = io::PageAdvice::kNormal);

  /// At least `bytes` of aligned memory, at least one slab.
  std::shared_ptr<io::AlignedBuffer> get(std::size_t bytes);

  /// Sees to it that an idle slab is there whose memory the kernel has given already: the first
  /// touch of 2 MiB takes as long as ten durable writes. For a thread that nobody waits for.
  void prepare();

  [[nodiscard]] bool has_idle() const;

 private:
  SlabPool(std::size_t slab_bytes, std::size_t kept_max, io::PageAdvice advice);
  void give_back(io::AlignedBuffer slab);

  const std::size_t slab_bytes_;
  const std::size_t kept_max_;
  const io::PageAdvice advice_;
  mutable Mutex mutex_;
  std::vector<io::AlignedBuffer> kept_ GUARDED_BY(mutex_);
};

/// Hands out consecutive aligned pieces of the current slab. One piece grows at a time: reserve,
/// fill some of it, cut() what was used. Not thread-safe.
class BlockArena {
 public:
  explicit BlockArena(std::shared_ptr<SlabPool> pool) : pool_(std::move(pool)) {}

  struct Piece {
    MutableByteSpan bytes;
    SharedMemory memory;
  };

  /// The room behind the last cut: at least `bytes_min`, whatever is left of the slab otherwise.
  Piece reserve(std::size_t bytes_min);

  /// The first `bytes` (aligned) of the reserved piece are in use from now on.
  void cut(std::size_t bytes);

  /// Whether the current slab has just been taken, and the pool has no other ready.
  [[nodiscard]] bool is_last_slab() const { return used_bytes_ == 0 && !pool_->has_idle(); }

  [[nodiscard]] const std::shared_ptr<SlabPool>& pool() const { return pool_; }

 private:
  std::shared_ptr<SlabPool> pool_;
  std::shared_ptr<io::AlignedBuffer> slab_;
  std::size_t used_bytes_ = 0;
};

}  // namespace spillway::wal
