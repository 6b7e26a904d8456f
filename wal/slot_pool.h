// Slot files: created once, pre-written with zeros, recycled in place, deleted when too many.
//
// With several data directories a slot lies in parts, one on each, so that the writes and reads in
// flight keep all disks at work (docs/decisions/0308-striped-slots.md).
// Knows which slots are spare, which data directories take new ones, and whether the log has room;
// prepares and deletes slots in the background. SegmentTable knows what the others hold, and the
// checkpoint decides when a slot may be reused. Why pre-written: overwriting allocated, written
// blocks needs no journal commit (docs/decisions/0001-pre-written-slots.md).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/base/result.h"
#include "wal/io/file.h"
#include "wal/options.h"
#include "wal/segment.h"
#include "wal/slot_files.h"

namespace spillway::wal {

struct Slot {
  SlotId id = 0;
  std::uint64_t bytes = 0;
  std::shared_ptr<io::File> file;
};

/// Of all data directories together; decided by what happened, not by what statistics promise.
enum class SpaceState : std::uint8_t {
  kNormal,  // slots can be made
  kLow,     // none can be made, some are spare
  kFull,    // none can be made, none is spare; or less than free_bytes_min is free everywhere
};

/// Thread-safe after open(). The directories must outlive the pool.
class SlotPool {
 public:
  /// `mode`: kReadWrite, or kRead for offline tools, which must not start() the pool.
  SlotPool(const std::vector<io::Directory*>& directories, const LogOptions& options,
           io::OpenMode mode = io::OpenMode::kReadWrite);
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;
  ~SlotPool();

  /// Lists the slot files of all directories. kCorrupt when a slot, or a part of one, exists twice.
  Result<void> open();

  /// Every slot file found by open(), ascending.
  [[nodiscard]] std::vector<SlotId> found() const;

  /// Told once per change of state, with the error that caused it (meaningless for kNormal). Must
  /// not call back. Set before start().
  using OnSpace = std::function<void(SpaceState now, const Error& why)>;
  void set_space_listener(OnSpace listener);

  /// Declares every found slot that is not in `in_use` spare and starts the background work. Those
  /// shorter than a slot are what a crash has left of making or deleting one: they are deleted.
  void start(std::span<const SlotId> in_use);

  /// Ends the background work; a slot under preparation is finished or removed, one under deletion
  /// may stay, cut short. Idempotent.
  void stop();

  /// What to do when there is no spare slot: at start-up a slot is prepared while the caller waits,
  /// under load one is made without pre-writing, which is slower to write but faster to get.
  enum class Prewrite : std::uint8_t { kNo, kYes };

  /// A slot of at least options.slot_bytes, on all directories; those that cannot make slots, or
  /// cannot be written, are left out until they can. kNoSpace, or what ails the last one, when none
  /// can.
  Result<Slot> acquire(Prewrite prewrite);

  /// Sees to it that the next `count` acquire() calls find spare slots, for a transaction that
  /// needs several: it is refused before any of it is written.
  Result<void> reserve(std::size_t count);

  /// The slot's bytes may be overwritten from now on: a durable manifest no longer refers to it.
  void release(SlotId slot);

  /// Whether acquire() is likely to succeed: false while there is no spare slot and none can be
  /// made.
  [[nodiscard]] bool has_room() const;

  /// What the spare slots hold; kUnknownRoom while more can be made.
  static constexpr std::uint64_t kUnknownRoom = UINT64_MAX;
  [[nodiscard]] std::uint64_t room_bytes() const;

  /// Whether less than options.free_bytes_min is free on every directory.
  [[nodiscard]] bool is_below_minimum();

  /// From here on slots take what the directories have; those that were full are tried again at
  /// once. For the last events before a stop.
  void lift_minimum();

  /// A block is being written: background work takes turns with it.
  void note_write() { writes_.fetch_add(1, std::memory_order_relaxed); }

  /// Work on the device for a quiet moment: no commits, nothing to prepare, more than one spare
  /// slot. Gets the file of one, as large as a slot, and must leave its bytes as they are; ends
  /// early once `goes_on`, which is thread-safe, says so. False: tried again a second later.
  /// `trial` must not call back.
  using GoesOn = std::function<bool()>;
  using Trial = std::function<bool(io::File& file, const GoesOn& goes_on)>;
  void set_trial(Trial trial);

  /// Afterwards the trial is not running, and will not. Idempotent.
  void cancel_trial();

  /// Opens a slot, or returns the handle that is open. Parts that are missing read as zeros.
  /// kNotFound when there is no part of it.
  Result<std::shared_ptr<io::File>> file(SlotId slot);

  [[nodiscard]] bool is_read_only() const { return mode_ == io::OpenMode::kRead; }

  /// The directories that hold the parts of `slot`, in order; nullptr for a part that is missing.
  /// Empty: there is no part of it.
  [[nodiscard]] std::vector<io::Directory*> directories(SlotId slot) const;

  /// No part is missing.
  [[nodiscard]] bool is_complete(SlotId slot) const;

  /// Most parts that any slot lies in, those that are missing included.
  [[nodiscard]] std::size_t parts_found_max() const;

  /// Whether slots may lie in parts: these have no descriptor for a ring.
  [[nodiscard]] bool is_striped() const;

  struct Stats {
    std::uint64_t files = 0;
    std::uint64_t spare = 0;
    std::uint64_t created = 0;
    std::uint64_t deleted = 0;
    std::uint64_t unprepared = 0;  // handed out without pre-writing
    std::uint64_t left_out = 0;    // directories that take no new slots
    SpaceState state = SpaceState::kNormal;
  };
  [[nodiscard]] Stats stats() const;

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Shelf {  // one data directory
    io::Directory* directory = nullptr;
    bool is_prewriting_useful = true;  // fixed at start()
    std::optional<Error> failure{};    // why nothing is made here
    Time retry_at{};
    // A part of a slot here could not be written: spares that have one are left alone, too.
    std::shared_ptr<std::atomic<bool>> has_write_failed = std::make_shared<std::atomic<bool>>();
  };

  // On which shelf each part lies, or kNowhere.
  using Home = std::vector<std::size_t>;
  static constexpr std::size_t kNowhere = SIZE_MAX;

  void look_at_directories();
  [[nodiscard]] bool is_short(SlotId slot);
  Result<Slot> reuse(SlotId id);

  // Bookkeeping.
  std::optional<Slot> reuse_spare(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void wait_for_preparer(MutexLock& lock, std::size_t spares_before) REQUIRES(mutex_);
  SlotId reserve_id(const Home& home) REQUIRES(mutex_);
  std::optional<SlotId> take_spare() REQUIRES(mutex_);
  [[nodiscard]] bool is_usable(SlotId spare) const REQUIRES(mutex_);
  [[nodiscard]] std::size_t usable_spares() const REQUIRES(mutex_);
  [[nodiscard]] std::size_t spares_max() const;
  [[nodiscard]] bool wants_spare() const REQUIRES(mutex_);
  [[nodiscard]] Home next_home() REQUIRES(mutex_);
  [[nodiscard]] std::size_t parts_max() const;
  [[nodiscard]] bool is_burst(Time now) const REQUIRES(mutex_);
  [[nodiscard]] bool may_wait_for_lull(Time now) const REQUIRES(mutex_);
  void discard_surplus() REQUIRES(mutex_);
  [[nodiscard]] std::size_t left_out_count() const REQUIRES(mutex_);
  [[nodiscard]] SpaceState state() const REQUIRES(mutex_);
  void publish_state() REQUIRES(mutex_);
  void note_failure(Shelf& shelf, const Error& error) REQUIRES(mutex_);
  void note_write_failures() REQUIRES(mutex_);
  void note_success(Shelf& shelf) REQUIRES(mutex_);

  // All work on files without the lock, which the analysis cannot follow through a parameter.
  Result<Slot> make_anywhere(MutexLock& lock, Prewrite prewrite) NO_THREAD_SAFETY_ANALYSIS;
  struct Made {
    Result<Slot> slot;
    std::size_t failed_part = 0;  // with an error
  };
  Made make_on(MutexLock& lock, const Home& home, Prewrite prewrite) NO_THREAD_SAFETY_ANALYSIS;
  MadeSlotFile make_part(const Shelf& shelf, const SlotFileName& name, Prewrite prewrite);
  Result<void> delete_parts(SlotId slot, const Home& home) NO_THREAD_SAFETY_ANALYSIS;
  [[nodiscard]] std::shared_ptr<io::File> join(std::vector<std::shared_ptr<io::File>> parts,
                                               const Home& home) const REQUIRES(mutex_);
  void prepare_spares(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void delete_discarded(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void probe_left_out(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void measure_free_space(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void run_trial(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  [[nodiscard]] bool is_quiet(MutexLock& lock) REQUIRES(mutex_);

  // The background thread.
  void run();
  [[nodiscard]] Pace pace(std::chrono::nanoseconds step_min);
  bool pause(std::chrono::nanoseconds duration);

  const LogOptions options_;
  const io::OpenMode mode_;
  std::atomic<std::uint64_t> writes_{0};

  mutable Mutex mutex_;
  CondVar changed_;
  CondVar stopping_;
  std::vector<Shelf> shelves_ GUARDED_BY(mutex_);
  std::map<SlotId, Home> slots_ GUARDED_BY(mutex_);
  std::map<SlotId, std::weak_ptr<io::File>> open_files_ GUARDED_BY(mutex_);
  SlotId missing_max_ GUARDED_BY(mutex_) = 0;        // highest number in use without a file
  std::vector<SlotId> spares_ GUARDED_BY(mutex_);    // used from the back: most recently drained
  std::deque<SlotId> discards_ GUARDED_BY(mutex_);   // to be deleted
  std::size_t turn_ GUARDED_BY(mutex_) = 0;          // shelf of the next slot's first part
  std::size_t wanted_ GUARDED_BY(mutex_) = 0;        // spares to keep ready
  std::size_t reserved_ GUARDED_BY(mutex_) = 0;      // spares that reserve() has promised
  std::optional<Time> taken_at_ GUARDED_BY(mutex_);  // when acquire() last gave one away
  std::atomic<std::uint64_t> free_bytes_min_;
  bool is_below_minimum_ GUARDED_BY(mutex_) = false;
  Stats stats_ GUARDED_BY(mutex_);
  OnSpace on_space_ GUARDED_BY(mutex_);
  SpaceState published_ GUARDED_BY(mutex_) = SpaceState::kNormal;
  Trial trial_ GUARDED_BY(mutex_);
  Time trial_at_ GUARDED_BY(mutex_){};
  std::optional<SlotId> lent_ GUARDED_BY(mutex_);  // a spare slot, to the trial
  std::atomic<bool> is_trial_over_{false};
  bool is_started_ GUARDED_BY(mutex_) = false;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  bool is_preparing_ GUARDED_BY(mutex_) = false;  // the background thread makes a spare slot
  std::uint64_t writes_seen_ = 0;                 // the background thread's
  std::thread preparer_;
};

/// normal, low, full.
std::string_view space_state_name(SpaceState state);

}  // namespace spillway::wal
