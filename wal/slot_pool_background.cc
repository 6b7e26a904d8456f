// The half of SlotPool that works on files: makes, prepares and deletes slots without the lock.
#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/slot_pool.h"

namespace spillway::wal {
namespace {

using std::chrono::steady_clock;

// How often a directory that is left out is tried again, and free space is looked at.
constexpr std::chrono::seconds kRetry{1};

// The rest between two cuts of a file while commits are running. Measured: 2 ms keep the worst
// commit where it is without deleting, for files of every size.
constexpr std::chrono::milliseconds kCutPause{2};

// Without a block written for this long, nobody is committing.
constexpr std::chrono::milliseconds kQuiet{5};

// Enough to be prepared in time: one is filled as fast as the log fills another.
constexpr std::size_t kSparesInBurst = 2;

}  // namespace

void SlotPool::look_at_directories() {
  MutexLock lock(mutex_);
  for (Shelf& shelf : shelves_) {
    const auto space = shelf.directory->space();
    if (!space.has_value()) continue;
    shelf.is_prewriting_useful = !space.value().is_copy_on_write && !space.value().is_memory;
    if (shelf.is_prewriting_useful) continue;
    log_info("wal.not_prewritten", "pre-writing brings nothing on this file system and is left out",
             {{"directory", shelf.directory->path()},
              {"is_copy_on_write", space.value().is_copy_on_write}});
  }
}

Result<Slot> SlotPool::make_anywhere(MutexLock& lock, Prewrite prewrite) {
  Error error{.code = Errc::kNoSpace, .what = "no data directory can make a slot file"};
  for (std::size_t tries = 0; tries < shelves_.size(); ++tries) {
    const std::size_t at = turn_;
    turn_ = (turn_ + 1) % shelves_.size();
    // The background thread finds out when a directory works again.
    const bool is_left_out = shelves_[at].failure && options_.background == Background::kThreads;
    if (is_left_out) {
      error = *shelves_[at].failure;
      continue;
    }
    auto slot = make_on(lock, at, prewrite);
    if (slot.has_value()) return slot;
    error = slot.error();
  }
  return error;
}

Result<Slot> SlotPool::make_on(MutexLock& lock, std::size_t shelf, Prewrite prewrite) {
  const SlotId id = reserve_id(shelf);
  io::Directory& directory = *shelves_[shelf].directory;
  const bool is_prewritten = prewrite == Prewrite::kYes && shelves_[shelf].is_prewriting_useful;
  const bool is_background = preparer_.get_id() == std::this_thread::get_id();
  lock.unlock();
  MadeSlotFile made{.file = Error{.code = Errc::kNoSpace, .what = "the reserve must stay free"},
                    .is_name_free = true};
  const auto space = options_.free_bytes_min > 0 ? directory.space() : io::SpaceInfo{};
  const bool is_reserve_kept =
      options_.free_bytes_min == 0 || !space.has_value() ||
      space.value().free_bytes >= options_.free_bytes_min + options_.slot_bytes;
  if (is_reserve_kept) {
    made = make_slot_file(directory, slot_name(id), options_.slot_bytes,
                          is_prewritten ? Fill::kZeros : Fill::kReserve,
                          is_background ? pace({}) : nullptr);
  }
  lock.lock();
  if (made.file.has_value()) {
    ++stats_.created;
    open_files_[id] = made.file.value();
    note_success(shelves_[shelf]);
    return Slot{.id = id, .bytes = options_.slot_bytes, .file = std::move(made.file.value())};
  }
  // A number is free again only when its file is certainly gone.
  if (made.is_name_free) slots_.erase(id);
  if (made.file.error().code != Errc::kClosed) note_failure(shelves_[shelf], made.file.error());
  return made.file.error();
}

void SlotPool::note_failure(Shelf& shelf, const Error& error) {
  const bool was_left_out = std::exchange(shelf.failure, error).has_value();
  shelf.retry_at = steady_clock::now() + kRetry;
  changed_.notify_one();  // from now on the background thread looks every second
  // When all are, the channel says so.
  if (was_left_out || shelves_.size() == 1) return;
  log_warn("wal.directory_left_out", "a data directory cannot take new slot files; others do",
           {{"directory", shelf.directory->path()}, {"error", error}});
}

void SlotPool::note_success(Shelf& shelf) {
  if (!std::exchange(shelf.failure, std::nullopt) || shelves_.size() == 1) return;
  log_info("wal.directory_back", "a data directory takes new slot files again",
           {{"directory", shelf.directory->path()}});
}

std::optional<std::size_t> SlotPool::next_to_prepare(Time now) const {
  std::optional<std::size_t> best;
  const std::size_t wanted = wanted_on_each();
  for (std::size_t shelf = 0; shelf < shelves_.size(); ++shelf) {
    if (shelves_[shelf].failure && now < shelves_[shelf].retry_at) continue;
    if (spares_on(shelf) >= wanted) continue;
    if (!best || spares_on(shelf) < spares_on(*best)) best = shelf;
  }
  return best;
}

bool SlotPool::is_burst(Time now) const {
  return taken_at_ && now - *taken_at_ < std::chrono::milliseconds(options_.lull_ms);
}

// A burst gets the whole device while it finds enough spares: preparing one costs as many bytes as
// the log writes to it.
bool SlotPool::may_wait_for_lull(Time now) const {
  return is_burst(now) && spares_.size() >= reserved_ + std::max(kSparesInBurst, shelves_.size());
}

void SlotPool::prepare_spares(MutexLock& lock) {
  while (!is_stopping_) {
    const auto shelf = next_to_prepare(steady_clock::now());
    if (!shelf || may_wait_for_lull(steady_clock::now())) return;
    const auto slot = make_on(lock, *shelf, Prewrite::kYes);
    if (slot.has_value()) spares_.push_back(slot.value().id);
    publish_state();
  }
}

void SlotPool::delete_discarded(MutexLock& lock) {
  discard_surplus();
  const bool is_background = options_.background == Background::kThreads;
  while (!discards_.empty() && !is_stopping_) {
    const SlotId id = discards_.front();
    discards_.pop_front();
    io::Directory& directory = *shelves_[slots_.at(id)].directory;
    lock.unlock();
    Result<void> deleted;
    const auto opened = file(id);
    if (opened.has_value()) {
      deleted = delete_slot_file(directory, slot_name(id), *opened.value(), options_.cut_bytes,
                                 is_background ? pace(kCutPause) : nullptr);
    } else {
      deleted = opened.error();
    }
    lock.lock();
    if (deleted.has_value()) {
      slots_.erase(id);
      open_files_.erase(id);
      ++stats_.deleted;
    } else if (deleted.error().code != Errc::kClosed) {
      log_warn("wal.slot_not_deleted", "cannot delete a drained slot file",
               {{"slot", slot_name(id)}, {"error", deleted.error()}});
    }
  }
}

// Where nothing is wanted of a directory, its free space tells whether it would work.
void SlotPool::probe_left_out(MutexLock& lock) {
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    if (!shelves_[i].failure || steady_clock::now() < shelves_[i].retry_at) continue;
    io::Directory& directory = *shelves_[i].directory;
    lock.unlock();
    const auto space = directory.space();
    lock.lock();
    shelves_[i].retry_at = steady_clock::now() + kRetry;
    const bool has_space = space.has_value() && space.value().free_bytes >=
                                                    options_.slot_bytes + options_.free_bytes_min;
    if (has_space) note_success(shelves_[i]);
  }
}

void SlotPool::measure_free_space(MutexLock& lock) {
  if (options_.free_bytes_min == 0) return;
  bool is_below = true;
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    io::Directory& directory = *shelves_[i].directory;
    lock.unlock();
    const auto space = directory.space();
    lock.lock();
    if (!space.has_value() || space.value().free_bytes >= options_.free_bytes_min) is_below = false;
  }
  is_below_minimum_ = is_below;
}

// ---- the trial

void SlotPool::set_trial(Trial trial) {
  const MutexLock lock(mutex_);
  CHECK(trial_ == nullptr);
  trial_ = std::move(trial);
  changed_.notify_one();
}

void SlotPool::cancel_trial() {
  is_trial_over_.store(true);
  MutexLock lock(mutex_);
  stopping_.notify_all();
  while (lent_) changed_.wait(lock);
  trial_ = nullptr;
}

bool SlotPool::is_quiet(MutexLock& lock) {
  const std::uint64_t writes = writes_.load(std::memory_order_relaxed);
  stopping_.wait_for(lock, kQuiet);
  return !is_stopping_ && !is_trial_over_.load() && spares_.size() > reserved_ + 1 &&
         left_out_count() == 0 && writes_.load(std::memory_order_relaxed) == writes;
}

void SlotPool::run_trial(MutexLock& lock) {
  if (trial_ == nullptr || steady_clock::now() < trial_at_) return;
  trial_at_ = steady_clock::now() + kRetry;
  if (!is_quiet(lock)) return;
  const SlotId id = spares_.front();  // the last one to be used
  spares_.erase(spares_.begin());
  lent_ = id;
  const Trial& trial = trial_;  // stays while a slot is lent
  const std::uint64_t writes = writes_.load(std::memory_order_relaxed);
  lock.unlock();
  const auto file = this->file(id);
  const bool is_done =
      file.has_value() && trial(*file.value(), [this, writes] {
        return !is_trial_over_.load() && writes_.load(std::memory_order_relaxed) == writes;
      });
  lock.lock();
  spares_.insert(spares_.begin(), id);
  lent_.reset();
  if (is_done) trial_ = nullptr;
  changed_.notify_all();
}

void SlotPool::run() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    measure_free_space(lock);
    delete_discarded(lock);
    prepare_spares(lock);
    probe_left_out(lock);
    publish_state();
    discard_surplus();
    run_trial(lock);
    if (is_stopping_ || !discards_.empty()) continue;
    const Time now = steady_clock::now();
    if (next_to_prepare(now)) {
      if (may_wait_for_lull(now)) {
        changed_.wait_for(lock, std::chrono::milliseconds(options_.lull_ms));
      }
    } else if (left_out_count() > 0 || options_.free_bytes_min > 0 || trial_ != nullptr) {
      changed_.wait_for(lock, kRetry);
    } else {
      changed_.wait(lock);
    }
  }
}

Pace SlotPool::pace(std::chrono::nanoseconds step_min) {
  return
      [this, step_min](std::chrono::nanoseconds step) { return pause(std::max(step, step_min)); };
}

// Rests as long as it has worked, so that commits have at least half of the device; without
// commits there is nobody to rest for.
bool SlotPool::pause(std::chrono::nanoseconds duration) {
  const std::uint64_t writes = writes_.load(std::memory_order_relaxed);
  const bool is_busy = std::exchange(writes_seen_, writes) != writes;
  MutexLock lock(mutex_);
  if (is_busy && !is_stopping_) stopping_.wait_for(lock, duration);
  return !is_stopping_;
}

}  // namespace spillway::wal
