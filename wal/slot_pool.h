// Slot files: created once, pre-written with zeros, recycled in place, deleted when too many.
//
// Knows which slots are spare and prepares new ones in the background; SegmentTable knows what the
// others hold, and the checkpoint decides when a slot may be reused. Why pre-written: overwriting
// allocated, written blocks needs no journal commit (docs/decisions/0001-pre-written-slots.md).
#pragma once

#include <cstdint>
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

namespace spillway::wal {

/// `slot-00007.seg`; nullopt for any other name.
std::optional<SlotId> parse_slot_name(std::string_view name);
std::string slot_name(SlotId slot);

struct Slot {
  SlotId id = 0;
  std::uint64_t bytes = 0;
  std::shared_ptr<io::File> file;
};

/// Thread-safe after open(). The directories must outlive the pool.
class SlotPool {
 public:
  /// `mode`: kReadWrite, or kRead for offline tools, which must not start() the pool.
  SlotPool(std::vector<io::Directory*> directories, const LogOptions& options,
           io::OpenMode mode = io::OpenMode::kReadWrite);
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;
  ~SlotPool();

  /// Lists the slot files of all directories. kCorrupt when a slot number exists twice.
  Result<void> open();

  /// Every slot file found by open(), ascending.
  [[nodiscard]] std::vector<SlotId> found() const;

  /// Declares every found slot that is not in `in_use` spare and starts the background work.
  void start(std::span<const SlotId> in_use);

  /// Ends the background work; a slot under preparation is finished or removed. Idempotent.
  void stop();

  /// What to do when there is no spare slot: at start-up a slot is prepared while the caller waits,
  /// under load one is made without pre-writing, which is slower to write but faster to get.
  enum class Prewrite : std::uint8_t { kNo, kYes };

  /// A slot of at least options.slot_bytes. kNoSpace when the disk is full: retry after a
  /// release().
  Result<Slot> acquire(Prewrite prewrite);

  /// The slot's bytes may be overwritten from now on: a durable manifest no longer refers to it.
  void release(SlotId slot);

  /// Whether acquire() is likely to succeed: false from kNoSpace until there is a spare slot.
  [[nodiscard]] bool has_room() const;

  /// Opens a slot file, or returns the handle that is open. kNotFound when it is missing.
  Result<std::shared_ptr<io::File>> file(SlotId slot);

  [[nodiscard]] bool is_read_only() const { return mode_ == io::OpenMode::kRead; }

  /// The directory that holds `slot`; nullptr when the file is missing.
  [[nodiscard]] io::Directory* directory(SlotId slot) const;

  struct Stats {
    std::uint64_t spare = 0;
    std::uint64_t created = 0;
    std::uint64_t deleted = 0;
    std::uint64_t unprepared = 0;  // handed out without pre-writing
    bool is_out_of_space = false;
  };
  [[nodiscard]] Stats stats() const;

 private:
  /// Registers a number for a file about to be made, on the directories in turn. create() takes
  /// it back when it fails and its file is certainly gone.
  SlotId reserve_id() REQUIRES(mutex_);
  Result<Slot> create(SlotId id, io::Directory& directory, Prewrite prewrite);
  Result<void> zero_fill(io::File& file, std::uint64_t bytes);
  Result<Slot> reuse(SlotId id);
  // Both work on files without the lock, which the analysis cannot follow through a parameter.
  void prepare_spares(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void delete_surplus(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS;
  void run();

  const std::vector<io::Directory*> directories_;
  const LogOptions options_;
  const io::OpenMode mode_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<SlotId, io::Directory*> slots_ GUARDED_BY(mutex_);
  std::map<SlotId, std::weak_ptr<io::File>> open_files_ GUARDED_BY(mutex_);
  SlotId missing_max_ GUARDED_BY(mutex_) = 0;      // highest number in use without a file
  std::vector<SlotId> spares_ GUARDED_BY(mutex_);  // used from the back: most recently drained
  std::size_t next_directory_ GUARDED_BY(mutex_) = 0;
  Stats stats_ GUARDED_BY(mutex_);
  bool is_started_ GUARDED_BY(mutex_) = false;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread preparer_;
};

}  // namespace spillway::wal
