// Group commit: many transactions become one block, one durable write, one wake-up.
//
// Producers stage encoded transactions under a short lock. Whoever waits first, with nobody
// writing, takes the writer role and writes what is staged in its own thread; if more has been
// staged by the time its own transaction is durable, it hands the role to the writer thread. No
// timer delays a commit: the device is used as soon as it is free (docs/architecture.md, "Commit").
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"
#include "wal/block_cache.h"
#include "wal/block_memory.h"
#include "wal/options.h"
#include "wal/position.h"
#include "wal/segment_writer.h"

namespace spillway::wal {

/// Told when entries have become durable, in order. Called by the thread that wrote them, without
/// locks of the log; must be quick and must not call back.
class DurableListener {
 public:
  DurableListener() = default;
  DurableListener(const DurableListener&) = delete;
  DurableListener& operator=(const DurableListener&) = delete;
  virtual ~DurableListener() = default;

  virtual void on_durable(Sequence end) = 0;
};

struct LogWriterMetrics {
  Counter blocks;
  Counter bytes;          // written to the device
  Counter payload_bytes;  // of which entries and acknowledgements
  Histogram write_ns;     // one durable write
  Histogram block_size_bytes;
};

/// Thread-safe between open() and close().
///
/// After a device error the writer is poisoned: every later call returns that error until the log
/// is opened again. A full disk does not poison: what was staged fails, the next append may
/// succeed.
class LogWriter {
 public:
  LogWriter(const ChannelId& id, const LogOptions& options, SlotPool& slots, SegmentTable& segments,
            BlockCache& cache, DurableListener& listener, const Clock& clock);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  /// Continues the log at `end`: in `last` after a clean stop, in a new segment otherwise, and
  /// whenever encryption asks for one (SegmentWriter::may_go_on_in).
  Result<void> open(const LogEnd& end, const std::optional<Segment>& last, Sequence acked_below);

  /// A place in the staging queue. Outlives the writer's interest in it.
  class Ticket {
   public:
    [[nodiscard]] SequenceRange range() const { return range_; }

   private:
    friend class LogWriter;
    std::shared_ptr<struct Batch> batch_;
    SequenceRange range_;
  };

  /// Stages one transaction: `entries` is the wire form of `repeated bytes entry` with `count`
  /// entries. Copies. Waits while staging is full. Nothing is durable before wait_durable().
  ///
  /// kTooLarge: one entry exceeds a segment. kNoSpace: no slot for it, nothing staged.
  Result<Ticket> append(ByteSpan entries, std::uint64_t count);

  /// Blocks until the transaction is durable; on an error it may or may not be in the log.
  Result<void> wait_durable(const Ticket& ticket);

  /// Notes acknowledged entries; they ride in the next block, or in one of their own after
  /// options.idle_flush_ms. Losing them to a crash means duplicates, nothing else.
  void append_ack(SequenceRange range);

  /// Stages acknowledged ranges for somebody who waits until they are durable. They take no part
  /// in the flow control of staging: consumers must always be able to go on.
  Result<Ticket> stage_acks(std::span<const SequenceRange> ranges);

  /// Every entry below is acknowledged; recorded in the headers of new segments.
  void note_acked_below(Sequence sequence);

  /// Blocks until everything staged, acknowledgements too, is durable.
  Result<void> flush();

  /// flush(), then ends the writer thread. Idempotent. Later appends get kClosed.
  Result<void> close();

  /// Where the durable log ends, always between two transactions.
  [[nodiscard]] LogEnd durable_end() const;

  /// The sticky error, once there is one.
  [[nodiscard]] std::optional<Error> poison() const;

  [[nodiscard]] const LogWriterMetrics& metrics() const { return metrics_; }

 private:
  // Staging.
  Result<void> admit(MutexLock& lock, std::uint64_t bytes) REQUIRES(mutex_);
  void stage_put(ByteSpan entries, std::uint64_t count) REQUIRES(mutex_);
  void stage_split(ByteSpan entries) REQUIRES(mutex_);
  Batch& open_batch(std::uint64_t payload_bytes) REQUIRES(mutex_);
  void close_batch() REQUIRES(mutex_);
  void add_pending_acks(Batch& batch) REQUIRES(mutex_);
  [[nodiscard]] bool has_staged() const REQUIRES(mutex_);

  // Writer role.
  void lead(MutexLock& lock, const Batch* until) REQUIRES(mutex_);
  // Writes without the lock, which the analysis cannot follow through a parameter.
  void write_next(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  Result<void> write(Batch& batch, Sequence acked_below);
  void publish(Batch& batch) REQUIRES(mutex_);
  void fail_from(const std::shared_ptr<Batch>& batch, const Error& error) REQUIRES(mutex_);
  void finish(Batch& batch, std::uint32_t state);

  // Writer thread.
  void run();
  void wait_for_work(MutexLock& lock) REQUIRES(mutex_);

  const LogOptions options_;
  BlockCache& cache_;
  DurableListener& listener_;
  const Clock& clock_;
  SlotPool& slots_;
  SegmentTable& segments_;
  LogWriterMetrics metrics_;

  SegmentWriter segment_writer_;         // owned by the writer role
  std::vector<struct Block> held_back_;  // likewise: durable part of an unfinished transaction

  mutable Mutex mutex_;
  CondVar work_;      // the writer thread waits here
  CondVar progress_;  // producers wait here for staging room, flush() for its end
  BlockArena arena_ GUARDED_BY(mutex_);
  std::shared_ptr<Batch> open_ GUARDED_BY(mutex_);                // still growing
  std::deque<std::shared_ptr<Batch>> staged_ GUARDED_BY(mutex_);  // closed, in log order
  std::uint64_t staged_bytes_ GUARDED_BY(mutex_) = 0;             // open, closed and being written
  std::vector<SequenceRange> pending_acks_ GUARDED_BY(mutex_);
  std::uint64_t segment_room_bytes_ GUARDED_BY(mutex_) = 0;
  Sequence next_sequence_ GUARDED_BY(mutex_){1};
  Sequence acked_below_ GUARDED_BY(mutex_){1};
  LogEnd durable_end_ GUARDED_BY(mutex_);
  std::optional<Error> poison_ GUARDED_BY(mutex_);
  bool is_writing_ GUARDED_BY(mutex_) = false;      // somebody holds the writer role
  bool is_handed_over_ GUARDED_BY(mutex_) = false;  // to the writer thread
  bool needs_proof_ GUARDED_BY(mutex_) = false;     // no later block tells that the last is durable
  bool is_idle_ GUARDED_BY(mutex_) = false;         // the writer thread sleeps without a time limit
  bool is_closed_ GUARDED_BY(mutex_) = false;       // append() is over
  bool is_stopping_ GUARDED_BY(mutex_) = false;     // so is the writer thread
  std::thread writer_;
};

}  // namespace spillway::wal
