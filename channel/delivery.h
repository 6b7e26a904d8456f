// The consumers' side of the file channel: who has taken what, what came back, what is done.
//
// Owns the read cursor and the acknowledgements; leaves capacity and checkpoints to FileChannel.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "channel/deadline.h"
#include "channel/event.h"
#include "channel/put_times.h"
#include "checkpoint/ack_state.h"
#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/log_writer.h"

namespace spillway::channel {

/// Events in the hands of one consumer. `events` are views into `pins`.
struct Lease {
  std::vector<EventView> events;           // oldest first
  std::vector<wal::SequenceRange> ranges;  // their sequences, in the same order
  std::vector<wal::SharedMemory> pins;
};

/// Thread-safe. Events are handed out in log order, returned ones first.
class Delivery final : public wal::DurableListener {
 public:
  /// Told once for each range of entries that turned out to be damaged, with the number of them
  /// that were still wanted. Called without locks of Delivery's.
  using OnLost = std::function<void(const wal::LostRange& lost, std::uint64_t wanted)>;

  Delivery(wal::LogReader& reader, OnLost on_lost, const Clock& clock)
      : reader_(reader), on_lost_(std::move(on_lost)), clock_(clock) {}

  /// Starts behind `recovered`, reading at (lsn, sequence), a block boundary at or before its
  /// first unacknowledged entry. `writer` must outlive this.
  void open(wal::LogWriter& writer, const checkpoint::AckState& recovered, wal::Lsn lsn,
            wal::Sequence sequence);

  /// Fills `lease` with up to `events_max` events; none is no error. Waits up to `wait`, and until
  /// interrupt(), for the first.
  Result<void> take(std::size_t events_max, std::chrono::milliseconds wait, Lease& lease);

  /// The events are done with, for good.
  void acknowledge(const Lease& lease);

  /// As acknowledge(), and returns once that has survived a power cut. After an error it may or may
  /// not survive; the caller sees to it by a manifest, or by withdraw().
  Result<void> acknowledge_durably(const Lease& lease);

  /// The events of a lease that was acknowledged are wanted again after all: they go back.
  void withdraw(Lease lease);

  /// Entries that are not to be handed out when the cursor comes to them: a lease has them already.
  /// Before anybody takes that far.
  void withhold(wal::SequenceRange entries);

  /// They never came into the log, and others get their sequences.
  void stop_withholding(wal::SequenceRange entries);

  /// The events go back to the front.
  void give_back(Lease lease);

  /// Makes the takes that wait now return.
  void interrupt();

  /// Makes the takes that wait now return, and later ones not wait at all.
  void close();

  void on_durable(wal::Sequence end) override;

  /// What a manifest records; `end` clamps it to what is durable.
  struct Progress {
    checkpoint::AckState acks;
    wal::Lsn read_lsn;
    wal::Sequence read_sequence;
  };
  [[nodiscard]] Progress progress(const wal::LogEnd& end);

  /// The log has been read up to here.
  [[nodiscard]] wal::Lsn read_lsn() const { return {read_lsn_.load(std::memory_order_relaxed)}; }

  /// Every entry before it is acknowledged.
  [[nodiscard]] wal::Sequence acked_below() const;

  /// Whether entries are acknowledged behind others that are not.
  [[nodiscard]] bool is_out_of_order() const;

  /// Whether all of these entries are acknowledged.
  [[nodiscard]] bool is_acknowledged(const wal::SequenceRange& entries) const;

  /// When the oldest unacknowledged entry was put; nullopt when there is none, or it was put before
  /// this start.
  [[nodiscard]] std::optional<std::uint64_t> oldest_put_ns() const {
    return put_times_.time_of(acked_below());
  }

  Histogram take_ns;        // a take that found events, without the waiting for them
  Histogram queue_wait_ns;  // from durable to taken; of the first entry of each block
  Counter corrupt_events;   // intact blocks with an event inside that is no event

 private:
  struct Returned {
    EventView event;
    wal::SharedMemory pin;
  };
  struct Mark {  // a block that the cursor has entered
    wal::Lsn lsn;
    wal::Sequence first_sequence;
  };
  // Beyond it every second one goes: an event may hang for hours while others pass.
  static constexpr std::size_t kMarksMax = 4096;

  [[nodiscard]] bool has_events() const;
  bool wait_for_events(const Deadline& deadline);
  void fill_returned(std::size_t events_max, Lease& lease) REQUIRES(mutex_);
  Result<void> fill(std::size_t events_max, Lease& lease) REQUIRES(mutex_);
  Result<bool> next_entry(wal::Sequence& sequence, ByteSpan& entry) REQUIRES(mutex_);
  Result<bool> next_block() REQUIRES(mutex_);
  void note_lost(const wal::LostRange& lost) REQUIRES(mutex_);
  void add_mark(const wal::Block& block) REQUIRES(mutex_);
  void add(Lease& lease, wal::Sequence sequence, const EventView& event,
           const wal::SharedMemory& pin) REQUIRES(mutex_);
  /// Returns how many of the entries were not acknowledged before.
  std::uint64_t mark_acknowledged(wal::SequenceRange range) EXCLUDES(ack_mutex_);

  wal::LogReader& reader_;
  const OnLost on_lost_;
  const Clock& clock_;
  PutTimes put_times_;
  wal::LogWriter* writer_ = nullptr;

  mutable Mutex mutex_;  // the cursor and what came back; held while reading the disk
  std::optional<wal::Block> block_ GUARDED_BY(mutex_);  // under the cursor
  wal::PayloadReader records_ GUARDED_BY(mutex_){{}};
  wal::EntryReader entries_ GUARDED_BY(mutex_);
  wal::Sequence next_sequence_ GUARDED_BY(mutex_);
  checkpoint::AckState skip_ GUARDED_BY(mutex_);  // acknowledged before this start
  wal::Sequence skip_end_ GUARDED_BY(mutex_);     // nothing in skip_ from here on
  wal::LogEnd end_ GUARDED_BY(mutex_);            // durable when last looked
  std::map<wal::Sequence, Returned> returned_ GUARDED_BY(mutex_);
  std::deque<Mark> marks_ GUARDED_BY(mutex_);            // never empty after open()
  std::vector<wal::LostRange> lost_ GUARDED_BY(mutex_);  // to be reported once unlocked

  mutable Mutex ack_mutex_;
  checkpoint::AckState acks_ GUARDED_BY(ack_mutex_);

  // Where takers sleep. A taker counts itself in before it looks at durable_end_; on_durable()
  // moves durable_end_ before it looks at waiters_: both sequentially consistent, so one of them
  // sees the other.
  Mutex wait_mutex_;
  CondVar available_;
  std::uint64_t interrupts_ GUARDED_BY(wait_mutex_) = 0;
  bool is_closed_ GUARDED_BY(wait_mutex_) = false;
  std::atomic<std::uint32_t> waiters_{0};
  std::atomic<std::uint64_t> durable_end_{1};  // sequence
  std::atomic<std::uint64_t> cursor_{1};       // next sequence to be read
  std::atomic<std::uint64_t> returned_count_{0};
  std::atomic<std::uint64_t> read_lsn_{0};
};

}  // namespace spillway::channel
