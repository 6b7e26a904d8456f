// The half of SlotPool that works on files: makes, prepares and deletes slots without the lock.
#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/striped_file.h"
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

// Without the directories that fail, as long as any are left.
Result<Slot> SlotPool::make_anywhere(MutexLock& lock, Prewrite prewrite) {
  Error error{.code = Errc::kNoSpace, .what = "no data directory can make a slot file"};
  note_write_failures();
  Home home = next_home();
  if (home.empty() && shelves_.back().failure) error = *shelves_.back().failure;
  while (!home.empty()) {
    const Home parts(home.begin(), home.begin() + static_cast<std::ptrdiff_t>(
                                                      std::min(home.size(), parts_max())));
    Made made = make_on(lock, parts, prewrite);
    if (made.slot.has_value() || made.slot.error().code == Errc::kClosed) return made.slot;
    error = made.slot.error();
    home.erase(home.begin() + static_cast<std::ptrdiff_t>(made.failed_part));
  }
  return error;
}

SlotPool::Made SlotPool::make_on(MutexLock& lock, const Home& home, Prewrite prewrite) {
  const SlotId id = reserve_id(home);
  std::vector<Shelf> shelves;
  for (const std::size_t shelf : home) shelves.push_back(shelves_[shelf]);
  lock.unlock();
  std::vector<std::shared_ptr<io::File>> parts;
  std::optional<Error> error;
  bool is_name_free = true;
  while (!error && parts.size() < shelves.size()) {
    const SlotFileName name{.slot = id, .part = parts.size(), .parts = shelves.size()};
    MadeSlotFile made = make_part(shelves[name.part], name, prewrite);
    if (made.file.has_value()) {
      parts.push_back(std::move(made.file.value()));
    } else {
      error = made.file.error();
      is_name_free = made.is_name_free;
    }
  }
  for (std::size_t part = 0; error && part < parts.size(); ++part) {
    const auto name = slot_file_name({.slot = id, .part = part, .parts = shelves.size()});
    is_name_free &= remove_for_good(*shelves[part].directory, name);
  }
  lock.lock();
  if (!error) {
    ++stats_.created;
    for (const std::size_t shelf : home) note_success(shelves_[shelf]);
    const std::shared_ptr<io::File> file = join(std::move(parts), home);
    open_files_[id] = file;
    return {.slot = Slot{.id = id, .bytes = options_.slot_bytes, .file = file}};
  }
  // A number is free again only when its files are certainly gone.
  if (is_name_free) slots_.erase(id);
  if (error->code != Errc::kClosed) note_failure(shelves_[home[parts.size()]], *error);
  return {.slot = *error, .failed_part = parts.size()};
}

MadeSlotFile SlotPool::make_part(const Shelf& shelf, const SlotFileName& name, Prewrite prewrite) {
  io::Directory& directory = *shelf.directory;
  const std::uint64_t bytes = io::StripedFile::part_bytes(
      options_.slot_bytes, options_.stripe_bytes, name.part, name.parts);
  const auto space = free_bytes_min_ > 0 ? directory.space() : io::SpaceInfo{};
  const bool is_reserve_kept = free_bytes_min_ == 0 || !space.has_value() ||
                               space.value().free_bytes >= free_bytes_min_ + bytes;
  if (!is_reserve_kept) {
    return {.file = Error{.code = Errc::kNoSpace, .what = "the reserve must stay free"},
            .is_name_free = true};
  }
  const bool is_prewritten = prewrite == Prewrite::kYes && shelf.is_prewriting_useful;
  const bool is_background = preparer_.get_id() == std::this_thread::get_id();
  return make_slot_file(directory, slot_file_name(name), bytes,
                        is_prewritten ? Fill::kZeros : Fill::kReserve,
                        is_background ? pace({}) : nullptr);
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

// Told by the files: whoever writes to them knows nothing of shelves.
void SlotPool::note_write_failures() {
  for (Shelf& shelf : shelves_) {
    if (!shelf.has_write_failed->load() || shelf.failure) continue;
    note_failure(shelf, {.code = Errc::kIo, .what = "a part of a slot could not be written"});
  }
}

void SlotPool::note_success(Shelf& shelf) {
  if (!std::exchange(shelf.failure, std::nullopt) || shelves_.size() == 1) return;
  log_info("wal.directory_back", "a data directory takes new slot files again",
           {{"directory", shelf.directory->path()}});
}

bool SlotPool::is_burst(Time now) const {
  return taken_at_ && now - *taken_at_ < std::chrono::milliseconds(options_.lull_ms);
}

// A burst gets the whole device while it finds enough spares: preparing one costs as many bytes as
// the log writes to it.
bool SlotPool::may_wait_for_lull(Time now) const {
  return is_burst(now) && usable_spares() >= reserved_ + kSparesInBurst;
}

void SlotPool::prepare_spares(MutexLock& lock) {
  while (!is_stopping_ && wants_spare() && !may_wait_for_lull(steady_clock::now())) {
    is_preparing_ = true;
    const auto slot = make_anywhere(lock, Prewrite::kYes);
    is_preparing_ = false;
    if (slot.has_value()) spares_.push_back(slot.value().id);
    publish_state();
    changed_.notify_all();  // who found no space meanwhile
    // Only a stop ends that, and whoever waits for us has to get the lock.
    const bool is_over = !slot.has_value() && slot.error().code == Errc::kClosed;
    if (is_over && !is_stopping_) changed_.wait_for(lock, kRetry);
  }
}

void SlotPool::delete_discarded(MutexLock& lock) {
  discard_surplus();
  while (!discards_.empty() && !is_stopping_) {
    const SlotId id = discards_.front();
    discards_.pop_front();
    const Home home = slots_.at(id);
    lock.unlock();
    const Result<void> deleted = delete_parts(id, home);
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

// From the first one on, which holds the header: without it the others are known as rests.
Result<void> SlotPool::delete_parts(SlotId slot, const Home& home) {
  const bool is_background = options_.background == Background::kThreads;
  for (std::size_t part = 0; part < home.size(); ++part) {
    if (home[part] == kNowhere) continue;
    io::Directory& directory = *shelves_[home[part]].directory;
    const auto name = slot_file_name({.slot = slot, .part = part, .parts = home.size()});
    TRY_ASSIGN(const auto file, directory.open(name, mode_));
    TRY(delete_slot_file(directory, name, *file, options_.cut_bytes,
                         is_background ? pace(kCutPause) : nullptr));
  }
  return {};
}

// Files are made nowhere else before one could be made and written here.
void SlotPool::probe_left_out(MutexLock& lock) {
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    if (!shelves_[i].failure || steady_clock::now() < shelves_[i].retry_at) continue;
    io::Directory& directory = *shelves_[i].directory;
    lock.unlock();
    const auto space = directory.space();
    const bool has_space =
        space.has_value() && space.value().free_bytes >= options_.slot_bytes + free_bytes_min_;
    const bool works =
        has_space && try_making_slot_file(directory, options_.slot_bytes).has_value();
    lock.lock();
    shelves_[i].retry_at = steady_clock::now() + kRetry;
    if (!works) continue;
    shelves_[i].has_write_failed->store(false);
    note_success(shelves_[i]);
  }
}

void SlotPool::measure_free_space(MutexLock& lock) {
  if (free_bytes_min_ == 0) return;
  bool is_below = true;
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    io::Directory& directory = *shelves_[i].directory;
    lock.unlock();
    const auto space = directory.space();
    lock.lock();
    if (!space.has_value() || space.value().free_bytes >= free_bytes_min_) is_below = false;
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
    note_write_failures();
    probe_left_out(lock);
    prepare_spares(lock);
    publish_state();
    discard_surplus();
    run_trial(lock);
    if (is_stopping_ || !discards_.empty()) continue;
    if (wants_spare()) {
      if (may_wait_for_lull(steady_clock::now())) {
        changed_.wait_for(lock, std::chrono::milliseconds(options_.lull_ms));
      }
    } else if (left_out_count() > 0 || free_bytes_min_ > 0 || trial_ != nullptr) {
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
