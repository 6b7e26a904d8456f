// Group commit: many transactions become one block, one durable write, one wake-up.
//
// Producers stage encoded transactions under a short lock. Whoever waits for one and finds the
// device free writes what is staged in its own thread; when large blocks pile up, several producers
// write at the same time, or one thread with a queue does. Writes complete in any order,
// transactions become durable in log order.
// If more has been staged by the time its own transaction is durable, a producer leaves the rest to
// the writer thread. No timer delays a commit (docs/architecture.md, "Commit").
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
#include "wal/bookmark.h"
#include "wal/commit_gather.h"
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
  Counter bytes;            // written to the device
  Counter payload_bytes;    // of which entries and acknowledgements
  Histogram write_ns;       // one durable write
  Counter rewrites;         // after a device error, in another slot
  Counter dropped_entries;  // Waiter::kNone, and then they could not be written
  Histogram block_size_bytes;
};

/// A log besides its writer. What it refers to outlives the writer.
struct LogParts {
  ChannelId id;
  const LogOptions& options;
  SlotPool& slots;
  SegmentTable& segments;
  BlockCache& cache;
};

/// Thread-safe between open() and close().
///
/// After a device error everything that is not durable is written again, once, to a fresh slot; a
/// second error in a row poisons the writer: every later call returns that error until the log is
/// opened again. A full disk does not poison: what was staged fails, the next append may succeed.
class LogWriter {
 public:
  LogWriter(const LogParts& log, DurableListener& listener, const Clock& clock);
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  ~LogWriter();

  /// Continues the log at `end`: in `last` after a clean stop, in a new segment otherwise, and
  /// whenever encryption asks for one (SegmentWriter::may_go_on_in).
  /// `bookmarks` are those at `end`.
  Result<void> open(const LogEnd& end, const std::optional<Segment>& last, Sequence acked_below,
                    Bookmarks bookmarks = {});

  /// From now on whatever is written while other writes are in flight, and large blocks that nobody
  /// waits for, goes through `queue`, by one thread; otherwise several threads write. `queue` takes
  /// options.write_depth_max writes of options.block_durability. At most once, after open().
  void use_queue(std::unique_ptr<io::WriteQueue> queue);

  /// A place in the staging queue. Outlives the writer's interest in it.
  class Ticket {
   public:
    [[nodiscard]] SequenceRange range() const { return range_; }

   private:
    friend class LogWriter;
    std::shared_ptr<struct Batch> batch_;
    SequenceRange range_;
  };

  /// kTooLarge when the log could never take it, however empty: one entry exceeds a segment.
  /// Without a lock.
  [[nodiscard]] Result<void> check(ByteSpan entries,
                                   const std::optional<BookmarkView>& bookmark) const;

  /// Stages one transaction: `entries` is the wire form of `repeated bytes entry` with `count`
  /// entries; a bookmark becomes durable with it. Copies. Waits while staging is full. Nothing is
  /// durable before wait_durable().
  ///
  /// kTooLarge: as check(). kNoSpace: no slot for it, nothing staged; with options.keeps_unawaited
  /// also behind entries that were dropped, until wait_appended().
  enum class Waiter : std::uint8_t {
    kComes,  // the caller calls wait_durable(): whoever waits writes
    kNone,   // written when the device is free; waits here while options.lag_ns_max is exceeded
  };
  Result<Ticket> append(ByteSpan entries, std::uint64_t count, Waiter waiter = Waiter::kComes,
                        const std::optional<BookmarkView>& bookmark = {});

  /// Blocks until the transaction is durable; on an error it may or may not be in the log.
  Result<void> wait_durable(const Ticket& ticket);

  /// append() and wait_durable() in one.
  Result<void> commit(ByteSpan entries, std::uint64_t count,
                      const std::optional<BookmarkView>& bookmark = {});

  /// Notes acknowledged entries; they ride in the next block, or in one of their own after
  /// options.idle_flush_ms. Losing them to a crash means duplicates, nothing else.
  void append_ack(SequenceRange range);

  /// Stages acknowledged ranges for somebody who waits until they are durable. They take no part
  /// in the flow control of staging: consumers must always be able to go on.
  Result<Ticket> stage_acks(std::span<const SequenceRange> ranges);

  /// Every entry below is acknowledged; recorded in the headers of new segments.
  void note_acked_below(Sequence sequence);

  /// Blocks until what was appended before is durable or has failed (metrics().dropped_entries),
  /// whatever comes after it. An error: the sticky one.
  Result<void> wait_appended();

  /// Blocks until nothing is staged any more, acknowledgements included: for ever, while others go
  /// on.
  Result<void> flush();

  /// With options.block_durability kNone: makes durable what wait_durable() has reported, and lets
  /// later blocks say so. An error poisons: no later sync could be believed.
  Result<void> sync();

  /// flush(), then ends the writer thread. Idempotent. Later appends get kClosed.
  Result<void> close();

  /// Ends the last segment when there is no slot for another and every entry is acknowledged, so
  /// that its own slot can be that: on a disk with room for one slot nothing else would help.
  void finish_drained_segment(Sequence acked_below);

  /// Whether the next start may go on in the last segment. After close().
  [[nodiscard]] bool has_open_segment() const;

  /// Where the durable log ends, always between two transactions; with block_durability kNone, what
  /// wait_durable() has reported.
  [[nodiscard]] LogEnd durable_end() const;

  /// The same, and the bookmarks of everything before it.
  struct Durable {
    LogEnd end;
    Bookmarks bookmarks;
  };
  [[nodiscard]] Durable durable() const;

  /// The value of a bookmark at the end of the durable log; the sticky error once there is one,
  /// since then nobody knows what of the last transactions is in the log.
  [[nodiscard]] Result<std::optional<std::string>> bookmark(std::string_view key) const;

  /// What has been accepted and is not durable yet.
  struct Lag {
    std::uint64_t ns = 0;  // age of the oldest
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] Lag lag() const;

  /// The sticky error, once there is one.
  [[nodiscard]] std::optional<Error> poison() const;

  [[nodiscard]] const LogWriterMetrics& metrics() const { return metrics_; }

 private:
  // Acknowledged ranges that make a block of their own worth while before the idle time is over.
  static constexpr std::size_t kUrgentAcks = 1000;

  static constexpr std::uint64_t kWritesInMean = 8;

  // Staging.
  struct Transaction {
    ByteSpan entries;
    std::uint64_t count = 0;
    std::optional<BookmarkView> bookmark = {};
    std::uint64_t bookmark_bytes = 0;
    bool is_split = false;  // over several blocks
  };
  Result<Transaction> transaction(ByteSpan entries, std::uint64_t count,
                                  const std::optional<BookmarkView>& bookmark) const;
  Result<Ticket> stage(MutexLock& lock, const Transaction& transaction, Waiter waiter)
      REQUIRES(mutex_);
  Result<void> admit(MutexLock& lock, std::uint64_t bytes, Waiter waiter) REQUIRES(mutex_);
  [[nodiscard]] bool must_wait(std::uint64_t bytes, Waiter waiter) const REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t lag_ns() const REQUIRES(mutex_);
  void stage_put(const Transaction& transaction) REQUIRES(mutex_);
  void stage_split(const Transaction& transaction) REQUIRES(mutex_);
  Batch& open_batch(std::uint64_t payload_bytes) REQUIRES(mutex_);
  void close_batch() REQUIRES(mutex_);
  void add_pending_acks(Batch& batch) REQUIRES(mutex_);
  [[nodiscard]] bool has_staged() const REQUIRES(mutex_);
  [[nodiscard]] bool is_busy() const REQUIRES(mutex_);

  // Pipeline: staged -> in flight -> durable (log_pipeline.cc). What works without the lock gets
  // it as a parameter, which the analysis cannot follow.
  [[nodiscard]] bool can_write() const REQUIRES(mutex_);
  [[nodiscard]] bool can_lead() const REQUIRES(mutex_);
  [[nodiscard]] bool is_large() const REQUIRES(mutex_);
  [[nodiscard]] bool is_slow() const REQUIRES(mutex_);
  void lead(MutexLock& lock, const Batch* until) REQUIRES(mutex_);
  static Result<void> wait(Batch& batch);
  void call_writer() REQUIRES(mutex_);
  void write_next(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void gather(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  std::shared_ptr<Batch> place_next(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  Result<void> place(Batch& batch, Sequence acked_below);
  Result<void> write(Batch& batch);
  void count_write(Batch& batch);
  void end_write(Batch& batch, const Result<void>& outcome) REQUIRES(mutex_);
  void settle(MutexLock& lock) REQUIRES(mutex_);
  void note_unsynced(const std::shared_ptr<io::File>& file) REQUIRES(mutex_);
  void retire(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  [[nodiscard]] std::size_t count_retirable() const REQUIRES(mutex_);
  void publish(const Batch& batch) REQUIRES(mutex_);

  // Failures are dealt with when nothing is in flight any more.
  void settle_failure() REQUIRES(mutex_);
  void fail_staged(const Error& error) REQUIRES(mutex_);
  void poison_with(const Error& error) REQUIRES(mutex_);

  // Through the queue (log_queue.cc): the writer thread, or the only thread.
  void drive_queue(MutexLock& lock) REQUIRES(mutex_);
  void submit_next(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void reap(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;

  // Writer threads; with a queue all but the first one end.
  void run(std::size_t index);
  void prepare_memory(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void wait_for_work(MutexLock& lock) REQUIRES(mutex_);

  const LogOptions options_;
  BlockCache& cache_;
  DurableListener& listener_;
  const Clock& clock_;
  SlotPool& slots_;
  SegmentTable& segments_;
  LogWriterMetrics metrics_;

  std::vector<std::shared_ptr<Batch>> queued_;  // in the queue; of the thread that drives it
  std::vector<io::WriteDone> done_;             // likewise

  CommitGather gather_;           // its wait() by whoever has set is_placing_
  SegmentWriter segment_writer_;  // used by whoever has set is_placing_, or with nothing in flight

  Mutex sync_mutex_;  // one sync() at a time; before mutex_
  mutable Mutex mutex_;
  CondVar work_;      // the writer thread waits here
  CondVar progress_;  // producers wait here for staging room, flush() for its end
  BlockArena arena_ GUARDED_BY(mutex_);
  std::shared_ptr<Batch> open_ GUARDED_BY(mutex_);                   // still growing
  std::deque<std::shared_ptr<Batch>> staged_ GUARDED_BY(mutex_);     // closed, in log order
  std::deque<std::shared_ptr<Batch>> in_flight_ GUARDED_BY(mutex_);  // placed, in log order
  std::size_t writing_ GUARDED_BY(mutex_) = 0;          // of them, not yet back from the device
  std::uint64_t mean_write_ns_ GUARDED_BY(mutex_) = 0;  // of the last few
  std::uint64_t staged_bytes_ GUARDED_BY(mutex_) = 0;   // open, closed and in flight
  std::uint64_t waiting_bytes_ GUARDED_BY(mutex_) = 0;  // open and closed
  std::vector<SequenceRange> pending_acks_ GUARDED_BY(mutex_);
  std::uint64_t segment_room_bytes_ GUARDED_BY(mutex_) = 0;
  Sequence next_sequence_ GUARDED_BY(mutex_){1};
  Sequence acked_below_ GUARDED_BY(mutex_){1};
  LogEnd durable_end_ GUARDED_BY(mutex_);
  Bookmarks bookmarks_ GUARDED_BY(mutex_);  // at durable_end_
  Lsn synced_lsn_ GUARDED_BY(mutex_);  // block_durability kNone: durable_end_ at the last sync()
  std::vector<std::shared_ptr<io::File>> unsynced_ GUARDED_BY(mutex_);  // written since then
  std::optional<Error> poison_ GUARDED_BY(mutex_);
  std::optional<Error> failure_ GUARDED_BY(mutex_);   // not settled yet; nothing new is written
  std::optional<Error> drop_ GUARDED_BY(mutex_);      // of entries whose owner does not know yet
  bool is_second_try_ GUARDED_BY(mutex_) = false;     // nothing became durable since the last
  bool is_placing_ GUARDED_BY(mutex_) = false;        // somebody gives a block its address
  bool is_retiring_ GUARDED_BY(mutex_) = false;       // somebody tells about what became durable
  bool is_handed_over_ GUARDED_BY(mutex_) = false;    // what is staged, to the writer thread
  bool is_reaping_ GUARDED_BY(mutex_) = false;        // the writer thread waits for its queue
  bool is_memory_wanted_ GUARDED_BY(mutex_) = false;  // for the blocks behind the current slab
  bool needs_proof_ GUARDED_BY(mutex_) = false;  // no later block tells that the last is durable
  std::size_t idle_writers_ GUARDED_BY(mutex_) = 0;  // of those threads, asleep without a limit
  bool is_closed_ GUARDED_BY(mutex_) = false;        // append() is over
  bool is_stopping_ GUARDED_BY(mutex_) = false;      // so is the writer thread
  std::unique_ptr<io::WriteQueue> queue_ GUARDED_BY(mutex_);  // nullptr: several threads write
  std::vector<std::thread> writers_;
};

}  // namespace spillway::wal
