#include "wal/slot_pool.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/striped_file.h"

namespace spillway::wal {
namespace {

// Says nothing about the file: the process lacks descriptors or memory for now.
bool is_of_process(const Error& error) {
  return error.os_error == EMFILE || error.os_error == ENFILE || error.os_error == ENOMEM;
}

}  // namespace

SlotPool::SlotPool(const std::vector<io::Directory*>& directories, const LogOptions& options,
                   io::OpenMode mode)
    : options_(options),
      mode_(mode),
      wanted_(options.spare_slots_min),
      free_bytes_min_(options.free_bytes_min) {
  CHECK(!directories.empty());
  CHECK(options_.slot_bytes % kBlockAlignBytes == 0);
  CHECK(options_.slot_bytes > kSegmentDataOffset);
  CHECK(options_.cut_bytes >= kBlockAlignBytes);
  CHECK(options_.stripe_bytes >= kSegmentDataOffset);  // the header is in the first part
  const MutexLock lock(mutex_);
  for (io::Directory* directory : directories) shelves_.push_back({.directory = directory});
}

SlotPool::~SlotPool() {
  stop();
}

Result<void> SlotPool::open() {
  const MutexLock lock(mutex_);
  for (std::size_t shelf = 0; shelf < shelves_.size(); ++shelf) {
    io::Directory& directory = *shelves_[shelf].directory;
    TRY_ASSIGN(const std::vector<std::string> names, directory.list());
    for (const std::string& name : names) {
      const auto file = parse_slot_name(name);
      if (!file) continue;
      Home& home = slots_[file->slot];
      if (home.empty()) home.assign(file->parts, kNowhere);
      if (home.size() != file->parts || home[file->part] != kNowhere) {
        log_error("wal.duplicate_slot", "the same slot file lies in two data directories",
                  {{"slot", name}, {"directory", directory.path()}});
        return Error{.code = Errc::kCorrupt, .what = "slot file exists twice", .at = file->slot};
      }
      home[file->part] = shelf;
    }
  }
  return {};
}

std::vector<SlotId> SlotPool::found() const {
  const MutexLock lock(mutex_);
  std::vector<SlotId> ids;
  ids.reserve(slots_.size());
  for (const auto& slot : slots_) ids.push_back(slot.first);
  return ids;
}

void SlotPool::set_space_listener(OnSpace listener) {
  const MutexLock lock(mutex_);
  CHECK(!is_started_);
  on_space_ = std::move(listener);
}

void SlotPool::start(std::span<const SlotId> in_use) {
  CHECK(!is_read_only());
  look_at_directories();
  std::vector<SlotId> spares;
  std::vector<SlotId> discards;
  for (const SlotId slot : found()) {
    if (std::find(in_use.begin(), in_use.end(), slot) != in_use.end()) continue;
    (is_short(slot) ? discards : spares).push_back(slot);
  }
  MutexLock lock(mutex_);
  CHECK(!is_started_);
  is_started_ = true;
  for (const SlotId slot : in_use) {
    if (!slots_.contains(slot)) missing_max_ = std::max(missing_max_, slot);
  }
  spares_ = std::move(spares);
  discards_.assign(discards.begin(), discards.end());
  measure_free_space(lock);
  if (options_.background == Background::kNone) delete_discarded(lock);
  publish_state();
  if (options_.background == Background::kThreads) preparer_ = std::thread([this] { run(); });
}

void SlotPool::stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    is_trial_over_.store(true);
    changed_.notify_all();
    stopping_.notify_all();
  }
  if (preparer_.joinable()) preparer_.join();
}

Result<Slot> SlotPool::acquire(Prewrite prewrite) {
  MutexLock lock(mutex_);
  CHECK(is_started_);
  if (reserved_ > 0) --reserved_;
  if (auto spare = reuse_spare(lock)) return *std::move(spare);
  auto slot = make_anywhere(lock, prewrite);
  if (!slot.has_value()) {
    wait_for_preparer(lock, 0);
    if (auto spare = reuse_spare(lock)) return *std::move(spare);
  }
  if (slot.has_value() && prewrite == Prewrite::kNo) {
    ++stats_.unprepared;
    wanted_ = std::min(spares_max(), 2 * wanted_);
    changed_.notify_one();
  }
  publish_state();
  return slot;
}

// The last space may be in the hands of the background thread.
void SlotPool::wait_for_preparer(MutexLock& lock, std::size_t spares_before) {
  while (is_preparing_ && usable_spares() <= spares_before) changed_.wait(lock);
}

std::optional<Slot> SlotPool::reuse_spare(MutexLock& lock) {
  while (const auto spare = take_spare()) {
    const SlotId id = *spare;
    const Time now = Time::clock::now();
    if (is_burst(now)) wanted_ = std::min(spares_max(), 2 * wanted_);
    taken_at_ = now;
    publish_state();
    changed_.notify_one();
    lock.unlock();
    auto slot = reuse(id);
    if (slot.has_value()) return slot.value();
    log_warn("wal.spare_slot_unusable", "a spare slot file cannot be used and is left alone",
             {{"slot", slot_name(id)}, {"error", slot.error()}});
    lock.lock();
    if (!is_of_process(slot.error())) continue;
    spares_.push_back(id);
    publish_state();
    break;
  }
  return std::nullopt;
}

Result<void> SlotPool::reserve(std::size_t count) {
  MutexLock lock(mutex_);
  CHECK(is_started_);
  reserved_ = count;
  while (usable_spares() < count) {
    const std::size_t spares_before = usable_spares();
    const auto slot = make_anywhere(lock, Prewrite::kNo);
    if (slot.has_value()) {
      ++stats_.unprepared;
      spares_.push_back(slot.value().id);
    } else {
      wait_for_preparer(lock, spares_before);
    }
    publish_state();
    if (usable_spares() > spares_before) continue;
    reserved_ = 0;
    return slot.error();
  }
  return {};
}

void SlotPool::release(SlotId slot) {
  MutexLock lock(mutex_);
  if (!slots_.contains(slot)) return;  // its file was missing already at open
  CHECK(std::find(spares_.begin(), spares_.end(), slot) == spares_.end());
  spares_.push_back(slot);
  changed_.notify_one();
  if (options_.background == Background::kNone) {  // nobody else would try them again
    for (Shelf& shelf : shelves_) {
      shelf.has_write_failed->store(false);
      note_success(shelf);
    }
    delete_discarded(lock);
  }
  publish_state();
}

bool SlotPool::has_room() const {
  const MutexLock lock(mutex_);
  return left_out_count() < shelves_.size() || usable_spares() > 0;
}

std::uint64_t SlotPool::room_bytes() const {
  const MutexLock lock(mutex_);
  if (left_out_count() < shelves_.size()) return kUnknownRoom;
  return usable_spares() * (options_.slot_bytes - kSegmentDataOffset);
}

bool SlotPool::is_below_minimum() {
  if (free_bytes_min_ == 0) return false;
  MutexLock lock(mutex_);
  // The background thread looks every second; without one this is the time to do it.
  if (options_.background == Background::kNone) {
    measure_free_space(lock);
    publish_state();
  }
  return is_below_minimum_;
}

void SlotPool::lift_minimum() {
  const MutexLock lock(mutex_);
  free_bytes_min_ = 0;
  is_below_minimum_ = false;
  for (Shelf& shelf : shelves_) shelf.failure.reset();
  publish_state();
}

Result<std::shared_ptr<io::File>> SlotPool::file(SlotId slot) {
  const MutexLock lock(mutex_);
  if (auto open = open_files_[slot].lock()) return open;
  const auto found = slots_.find(slot);
  if (found == slots_.end()) {
    return Error{.code = Errc::kNotFound, .what = "slot file is missing", .at = slot};
  }
  const Home& home = found->second;
  std::vector<std::shared_ptr<io::File>> parts(home.size());
  for (std::size_t part = 0; part < home.size(); ++part) {
    if (home[part] == kNowhere) continue;
    const std::string name = slot_file_name({.slot = slot, .part = part, .parts = home.size()});
    TRY_ASSIGN(parts[part], shelves_[home[part]].directory->open(name, mode_));
  }
  std::shared_ptr<io::File> file = join(std::move(parts), home);
  open_files_[slot] = file;
  return file;
}

std::shared_ptr<io::File> SlotPool::join(std::vector<std::shared_ptr<io::File>> parts,
                                         const Home& home) const {
  if (parts.size() == 1) return std::move(parts.front());
  std::vector<io::StripedPart> striped;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    striped.push_back({.file = std::move(parts[part])});
    if (home[part] != kNowhere) striped.back().has_failed = shelves_[home[part]].has_write_failed;
  }
  return std::make_shared<io::StripedFile>(std::move(striped), options_.stripe_bytes);
}

std::vector<io::Directory*> SlotPool::directories(SlotId slot) const {
  const MutexLock lock(mutex_);
  std::vector<io::Directory*> directories;
  const auto found = slots_.find(slot);
  if (found == slots_.end()) return directories;
  for (const std::size_t shelf : found->second) {
    directories.push_back(shelf == kNowhere ? nullptr : shelves_[shelf].directory);
  }
  return directories;
}

bool SlotPool::is_complete(SlotId slot) const {
  const MutexLock lock(mutex_);
  const auto found = slots_.find(slot);
  return found != slots_.end() &&
         std::find(found->second.begin(), found->second.end(), kNowhere) == found->second.end();
}

std::size_t SlotPool::parts_found_max() const {
  const MutexLock lock(mutex_);
  std::size_t most = 0;
  for (const auto& slot : slots_) most = std::max(most, slot.second.size());
  return most;
}

bool SlotPool::is_striped() const {
  if (parts_found_max() > 1) return true;
  const MutexLock lock(mutex_);
  return shelves_.size() > 1;
}

SlotPool::Stats SlotPool::stats() const {
  const MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.files = slots_.size();
  stats.spare = spares_.size() + (lent_ ? 1 : 0);
  stats.left_out = left_out_count();
  stats.state = state();
  return stats;
}

// Cut short by a crash while it was made or deleted. What cannot be told may be tried.
bool SlotPool::is_short(SlotId slot) {
  const auto file = this->file(slot);
  if (!file.has_value()) return false;
  const auto bytes = file.value()->size_bytes();
  return bytes.has_value() && bytes.value() < options_.slot_bytes;
}

Result<Slot> SlotPool::reuse(SlotId id) {
  TRY_ASSIGN(auto file, this->file(id));
  TRY_ASSIGN(const std::uint64_t bytes, file->size_bytes());
  if (bytes < options_.slot_bytes) {  // of a segment made with other options
    const MutexLock lock(mutex_);
    discards_.push_back(id);
    return Error{.code = Errc::kCorrupt, .what = "slot file is too short", .at = bytes};
  }
  return Slot{.id = id, .bytes = align_down(bytes, kBlockAlignBytes), .file = std::move(file)};
}

// ---- bookkeeping

SlotId SlotPool::reserve_id(const Home& home) {
  const SlotId found_max = slots_.empty() ? 0 : slots_.rbegin()->first;
  const SlotId id = std::max(found_max, missing_max_) + 1;
  slots_.emplace(id, home);
  return id;
}

// Of those in the most parts, which keep the most disks at work, the one drained last.
std::optional<SlotId> SlotPool::take_spare() {
  auto best = spares_.rend();
  for (auto spare = spares_.rbegin(); spare != spares_.rend(); ++spare) {
    if (!is_usable(*spare)) continue;
    if (best == spares_.rend() || slots_.at(*best).size() < slots_.at(*spare).size()) best = spare;
  }
  if (best == spares_.rend()) return std::nullopt;
  const SlotId id = *best;
  spares_.erase(std::next(best).base());
  return id;
}

bool SlotPool::is_usable(SlotId spare) const {
  const Home& home = slots_.at(spare);
  return std::all_of(home.begin(), home.end(), [this](std::size_t shelf) REQUIRES(mutex_) {
    return shelf != kNowhere && !shelves_[shelf].has_write_failed->load();
  });
}

std::size_t SlotPool::usable_spares() const {
  return static_cast<std::size_t>(std::count_if(spares_.begin(), spares_.end(),
                                                [this](SlotId spare)
                                                    REQUIRES(mutex_) { return is_usable(spare); }));
}

std::size_t SlotPool::spares_max() const {
  return std::max(options_.spare_slots_max, options_.spare_slots_min);
}

bool SlotPool::wants_spare() const {
  return usable_spares() < wanted_ && left_out_count() < shelves_.size();
}

// A slot of less than a stripe for each part lies on fewer directories, on all of them in turn.
std::size_t SlotPool::parts_max() const {
  const std::uint64_t stripes = options_.slot_bytes / options_.stripe_bytes;
  return std::min<std::uint64_t>(SlotFileName::kPartsMax, std::max<std::uint64_t>(1, stripes));
}

// The first part holds the header: it is not always on the same disk. Without a background thread
// nobody else would find out that a directory works again.
SlotPool::Home SlotPool::next_home() {
  Home home;
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    const std::size_t shelf = (turn_ + i) % shelves_.size();
    const bool is_left_out = shelves_[shelf].failure && options_.background == Background::kThreads;
    const bool works = !is_left_out && !shelves_[shelf].has_write_failed->load();
    if (works) home.push_back(shelf);
  }
  turn_ = (turn_ + 1) % shelves_.size();
  return home;
}

void SlotPool::discard_surplus() {
  while (spares_.size() > std::max(spares_max(), reserved_)) {
    const auto narrowest = std::min_element(spares_.begin(), spares_.end(),
                                            [this](SlotId a, SlotId b) REQUIRES(mutex_) {
                                              return slots_.at(a).size() < slots_.at(b).size();
                                            });
    discards_.push_back(*narrowest);
    spares_.erase(narrowest);
  }
}

std::size_t SlotPool::left_out_count() const {
  return static_cast<std::size_t>(std::count_if(
      shelves_.begin(), shelves_.end(), [](const Shelf& s) { return s.failure.has_value(); }));
}

SpaceState SlotPool::state() const {
  if (is_below_minimum_) return SpaceState::kFull;
  if (left_out_count() < shelves_.size()) return SpaceState::kNormal;
  return usable_spares() == 0 ? SpaceState::kFull : SpaceState::kLow;
}

void SlotPool::publish_state() {
  const SpaceState now = state();
  if (now == published_) return;
  published_ = now;
  if (!on_space_) return;
  Error why{.code = Errc::kNoSpace, .what = "less is free than minimumRequiredSpace"};
  if (!is_below_minimum_ && shelves_.back().failure) why = *shelves_.back().failure;
  on_space_(now, why);
}

std::string_view space_state_name(SpaceState state) {
  switch (state) {
    case SpaceState::kNormal:
      return "normal";
    case SpaceState::kLow:
      return "low";
    case SpaceState::kFull:
      return "full";
  }
  CHECK(false);
}

}  // namespace spillway::wal
