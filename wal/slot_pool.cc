#include "wal/slot_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::wal {
namespace {

constexpr std::string_view kNamePrefix = "slot-";
constexpr std::string_view kNameSuffix = ".seg";

}  // namespace

std::optional<SlotId> parse_slot_name(std::string_view name) {
  if (!name.starts_with(kNamePrefix) || !name.ends_with(kNameSuffix)) return std::nullopt;
  if (name.size() <= kNamePrefix.size() + kNameSuffix.size()) return std::nullopt;
  name.remove_prefix(kNamePrefix.size());
  name.remove_suffix(kNameSuffix.size());
  SlotId slot = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), slot);
  if (error != std::errc{} || end != name.data() + name.size() || slot == 0) return std::nullopt;
  return slot;
}

std::string slot_name(SlotId slot) {
  return fmt::format("{}{:05}{}", kNamePrefix, slot, kNameSuffix);
}

SlotPool::SlotPool(const std::vector<io::Directory*>& directories, const LogOptions& options,
                   io::OpenMode mode)
    : options_(options), mode_(mode), wanted_(options.spare_slots_min) {
  CHECK(!directories.empty());
  CHECK(options_.slot_bytes % kBlockAlignBytes == 0);
  CHECK(options_.slot_bytes > kSegmentDataOffset);
  CHECK(options_.cut_bytes >= kBlockAlignBytes);
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
      const auto slot = parse_slot_name(name);
      if (!slot) continue;
      if (!slots_.emplace(*slot, shelf).second) {
        log_error("wal.duplicate_slot", "the same slot file lies in two data directories",
                  {{"slot", name}, {"directory", directory.path()}});
        return Error{.code = Errc::kCorrupt, .what = "slot file exists twice", .at = *slot};
      }
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
  while (!spares_.empty()) {
    const SlotId id = take_spare();
    const Time now = Time::clock::now();
    if (is_burst(now)) wanted_ = std::min(spares_max(), 2 * wanted_);
    taken_at_ = now;
    publish_state();
    changed_.notify_one();
    lock.unlock();
    auto slot = reuse(id);
    if (slot.has_value()) return slot;
    log_warn("wal.spare_slot_unusable", "a spare slot file cannot be used and is left alone",
             {{"slot", slot_name(id)}, {"error", slot.error()}});
    lock.lock();
  }
  auto slot = make_anywhere(lock, prewrite);
  if (slot.has_value() && prewrite == Prewrite::kNo) {
    ++stats_.unprepared;
    wanted_ = std::min(spares_max(), 2 * wanted_);
  }
  publish_state();
  return slot;
}

Result<void> SlotPool::reserve(std::size_t count) {
  MutexLock lock(mutex_);
  CHECK(is_started_);
  reserved_ = count;
  while (spares_.size() < count) {
    const auto slot = make_anywhere(lock, Prewrite::kNo);
    if (!slot.has_value()) reserved_ = 0;
    publish_state();
    if (!slot.has_value()) return slot.error();
    ++stats_.unprepared;
    spares_.push_back(slot.value().id);
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
    for (Shelf& shelf : shelves_) note_success(shelf);
    delete_discarded(lock);
  }
  publish_state();
}

bool SlotPool::has_room() const {
  const MutexLock lock(mutex_);
  return !spares_.empty() || left_out_count() < shelves_.size();
}

std::uint64_t SlotPool::room_bytes() const {
  const MutexLock lock(mutex_);
  if (left_out_count() < shelves_.size()) return kUnknownRoom;
  return spares_.size() * (options_.slot_bytes - kSegmentDataOffset);
}

bool SlotPool::is_below_minimum() {
  if (options_.free_bytes_min == 0) return false;
  MutexLock lock(mutex_);
  // The background thread looks every second; without one this is the time to do it.
  if (options_.background == Background::kNone) {
    measure_free_space(lock);
    publish_state();
  }
  return is_below_minimum_;
}

Result<std::shared_ptr<io::File>> SlotPool::file(SlotId slot) {
  const MutexLock lock(mutex_);
  if (auto open = open_files_[slot].lock()) return open;
  const auto found = slots_.find(slot);
  if (found == slots_.end()) {
    return Error{.code = Errc::kNotFound, .what = "slot file is missing", .at = slot};
  }
  TRY_ASSIGN(auto opened, shelves_[found->second].directory->open(slot_name(slot), mode_));
  std::shared_ptr<io::File> file = std::move(opened);
  open_files_[slot] = file;
  return file;
}

io::Directory* SlotPool::directory(SlotId slot) const {
  const MutexLock lock(mutex_);
  const auto found = slots_.find(slot);
  return found == slots_.end() ? nullptr : shelves_[found->second].directory;
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

SlotId SlotPool::reserve_id(std::size_t shelf) {
  const SlotId found_max = slots_.empty() ? 0 : slots_.rbegin()->first;
  const SlotId id = std::max(found_max, missing_max_) + 1;
  slots_.emplace(id, shelf);
  return id;
}

// Consecutive segments go to the directories in turn, as far as there are spares.
SlotId SlotPool::take_spare() {
  for (std::size_t i = 0; i < shelves_.size(); ++i) {
    const std::size_t shelf = (turn_ + i) % shelves_.size();
    const auto found =
        std::find_if(spares_.rbegin(), spares_.rend(),
                     [&](SlotId id) REQUIRES(mutex_) { return slots_.at(id) == shelf; });
    if (found == spares_.rend()) continue;
    const SlotId id = *found;
    spares_.erase(std::next(found).base());
    turn_ = (shelf + 1) % shelves_.size();
    return id;
  }
  CHECK(false);
}

std::size_t SlotPool::spares_on(std::size_t shelf) const {
  return static_cast<std::size_t>(
      std::count_if(spares_.begin(), spares_.end(),
                    [&](SlotId id) REQUIRES(mutex_) { return slots_.at(id) == shelf; }));
}

std::size_t SlotPool::wanted_on_each() const {
  // The others make up for a directory that is left out.
  std::size_t usable = shelves_.size() - left_out_count();
  if (usable == 0) usable = shelves_.size();
  return (wanted_ + usable - 1) / usable;
}

std::size_t SlotPool::spares_max() const {
  const std::size_t options_max = std::max(options_.spare_slots_max, options_.spare_slots_min);
  return options_.spare_slots_min == 0 ? options_max : std::max(options_max, shelves_.size());
}

void SlotPool::discard_surplus() {
  while (spares_.size() > std::max(spares_max(), reserved_)) {
    std::size_t fullest = 0;
    for (std::size_t shelf = 1; shelf < shelves_.size(); ++shelf) {
      if (spares_on(shelf) > spares_on(fullest)) fullest = shelf;
    }
    const auto oldest =
        std::find_if(spares_.begin(), spares_.end(),
                     [&](SlotId id) REQUIRES(mutex_) { return slots_.at(id) == fullest; });
    discards_.push_back(*oldest);
    spares_.erase(oldest);
  }
}

std::size_t SlotPool::left_out_count() const {
  return static_cast<std::size_t>(std::count_if(
      shelves_.begin(), shelves_.end(), [](const Shelf& s) { return s.failure.has_value(); }));
}

SpaceState SlotPool::state() const {
  if (is_below_minimum_) return SpaceState::kFull;
  if (left_out_count() < shelves_.size()) return SpaceState::kNormal;
  return spares_.empty() ? SpaceState::kFull : SpaceState::kLow;
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
