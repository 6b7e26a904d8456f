// `dual` channel: memory in front of a log. Events that sinks take in time are never written; when
// sinks fall behind, what is in memory moves to the log, oldest first, until they have caught up.
//
// At every moment everything in the log is older than everything in memory: one order throughout,
// and what a crash takes is the newest part. Why in front and not beside: docs/decisions/0502.
// Leaves files, recovery and acknowledgements to FileChannel. Takes the place of Flume's
// SpillableMemoryChannel.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "channel/capacity.h"
#include "channel/channel.h"
#include "channel/deadline.h"
#include "channel/doorbell.h"
#include "channel/file_channel.h"
#include "channel/inbox.h"
#include "channel/memory_channel.h"
#include "channel/memory_runs.h"
#include "wal/base/clock.h"
#include "wal/base/gate.h"
#include "wal/base/mutex.h"

namespace spillway::channel {

struct DualChannelOptions {
  // The log. Its capacity is the whole channel's; its durability is not used, keep_alive is a
  // put's.
  FileChannelOptions log{};
  std::uint64_t memory_events = 10'000;               // at least 1
  std::uint64_t memory_slots = Capacity::kUnlimited;  // of bodies, see memory_channel.h
  std::uint64_t slot_bytes = kMemorySlotBytes;
  std::uint64_t log_events = UINT64_MAX;         // most of them in the log, but for a stop
  std::uint64_t spill_percent = 80;              // of either: from here on events move
  std::chrono::milliseconds resident_max{1000};  // no event is only in memory for longer
  bool is_spilling_forced = false;               // nothing stays in memory
};

class DualChannel final : public Channel {
 public:
  /// `file_system` and `clock` must outlive the channel.
  DualChannel(DualChannelOptions options, io::FileSystem& file_system, const Clock& clock);
  ~DualChannel() override;

  /// Errors of FileChannel::start().
  Result<void> start() override;

  /// Moves what is in memory to the log. What the log refuses is lost and reported.
  void stop() override;

  /// Success: the events are in memory, and in the log after resident_max if no sink has taken
  /// them. An event larger than the memory is welcome when the memory is empty.
  Result<void> put(const EventBatch& batch) override;
  Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                std::chrono::milliseconds wait) override;
  void interrupt_takes() override;

  bool force_spilling(bool is_forced) override;

  [[nodiscard]] std::uint64_t size_events() const override;
  [[nodiscard]] std::uint64_t capacity_events() const override { return log_.capacity_events(); }
  [[nodiscard]] std::uint64_t transaction_capacity() const override {
    return log_.transaction_capacity();
  }
  [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }
  [[nodiscard]] bool survives_stop() const override { return true; }
  [[nodiscard]] bool is_failed() const override { return log_.is_failed(); }
  void collect(MetricSink& sink) const override;

  /// Times that events began to move.
  [[nodiscard]] std::uint64_t spills() const { return spills_.value(); }

 private:
  class Transaction;
  using Run = MemoryRun;
  struct Room {
    std::uint64_t events = 0;
    std::uint64_t slots = 0;
  };
  // A run that a sink has taken from memory. It may be moved meanwhile, too: each run by itself,
  // since what another sink has may lie in between.
  struct Taken {
    enum class State : std::uint8_t { kInMemory, kMoving, kInLog };
    enum class End : std::uint8_t { kOpen, kCommitted, kRolledBack };
    Run run = {};
    State state = State::kInMemory;
    End end = End::kOpen;                              // while kMoving: what the mover has to do
    std::unique_ptr<TakeTransaction> lease = nullptr;  // kInLog: of the copies
  };
  using SharedTaken = std::shared_ptr<Taken>;
  enum class Moved : std::uint8_t { kNothing, kSome, kRefused };

  static Room room_of(const std::vector<Run>& runs);
  static std::uint64_t count_of(const std::vector<Run>& runs);
  static std::size_t sum_bytes(const std::vector<Run>& runs);
  static constexpr std::uint64_t kAnySequence = UINT64_MAX;

  void collect_puts() REQUIRES(mutex_);
  std::vector<Run> pop(std::size_t events_max, std::size_t bytes_max, std::uint64_t below)
      REQUIRES(mutex_);
  void put_back(const std::vector<Run>& runs) REQUIRES(mutex_);
  void note_takeable() REQUIRES(mutex_);
  Result<void> claim_memory(Room room, const Deadline& deadline);
  Result<void> gather(std::size_t events_max, Transaction& into) REQUIRES(take_mutex_);
  Result<void> gather_from_log(std::uint64_t wanted, Transaction& into) REQUIRES(take_mutex_);
  void gather_from_memory(std::size_t events_max, Transaction& into) REQUIRES(mutex_);
  void add_untaken(std::uint64_t count);
  void return_to_log(TakeTransaction& part);
  bool end_lease(TakeTransaction& lease, Taken::End end);
  [[nodiscard]] bool has_events() const;
  [[nodiscard]] bool is_high() const;
  [[nodiscard]] std::uint64_t memory_age_ns(std::uint64_t now_ns) const REQUIRES(mutex_);

  // The mover (dual_channel_mover.cc).
  [[nodiscard]] bool is_old() const REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t log_room() const;
  std::vector<Run> pop_movable() REQUIRES(mutex_);
  [[nodiscard]] bool has_log_room(const Run& run, std::uint64_t room) const;
  [[nodiscard]] std::size_t whole_runs(std::uint64_t room) const REQUIRES(mutex_);
  void begin_spilling() REQUIRES(mutex_);
  void end_spilling() REQUIRES(mutex_);
  void run_mover();
  Moved move_some();
  Moved choose_move(SharedTaken& taken, std::vector<Run>& runs);
  Moved move_taken(const SharedTaken& taken);
  Moved move_runs(std::vector<Run> runs);
  static std::vector<Run> split_newest(std::vector<Run>& runs, std::uint64_t count);
  void end_memory(const SharedTaken& taken, Taken::End end);
  void drain_to_log();

  const DualChannelOptions options_;
  const Clock& clock_;
  FileChannel log_;
  ChannelCounters counters_;
  Counter spills_;
  Counter switches_;
  Counter moved_events_;
  Counter moved_taken_events_;
  Counter refused_moves_;

  mutable Gate gate_;                     // puts and takes in progress
  std::unique_ptr<Capacity> total_;       // memory and log, taken events included; from start() on
  std::unique_ptr<Capacity> memory_;      // events that no sink has taken and that are in memory
  std::atomic<std::uint64_t> now_ns_{0};  // read by the mover every now and then
  std::atomic<std::uint64_t> interrupts_{0};    // calls of interrupt_takes()
  std::atomic<std::uint32_t> wanting_room_{0};  // puts that wait for memory
  std::atomic<bool> is_forced_{false};
  std::atomic<bool> is_stopping_{false};
  std::atomic<std::uint64_t> takeable_{0};  // for who is about to sleep: runs_ and log_untaken_
  Inbox<MemoryPut> inbox_;                  // younger than runs_
  Doorbell<> for_takers_;
  Doorbell<> for_mover_;

  Mutex take_mutex_;  // one take at a time; before mutex_
  mutable Mutex mutex_;
  MemoryRuns runs_ GUARDED_BY(mutex_);                             // younger than the log
  std::map<std::uint64_t, SharedTaken> taken_ GUARDED_BY(mutex_);  // kInMemory, by sequence
  std::uint64_t log_untaken_ GUARDED_BY(mutex_) = 0;  // events in the log that may be taken
  bool is_moving_ GUARDED_BY(mutex_) = false;         // some are on the way to the log
  bool is_draining_ GUARDED_BY(mutex_) = false;       // until memory is empty
  bool is_spilling_ GUARDED_BY(mutex_) = false;
  std::uint64_t spilling_since_ns_ GUARDED_BY(mutex_) = 0;
  std::uint64_t spilling_ns_ GUARDED_BY(mutex_) = 0;  // until then
  std::thread mover_;
};

}  // namespace spillway::channel
