#include "wal/slot_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::wal {
namespace {

constexpr std::string_view kNamePrefix = "slot-";
constexpr std::string_view kNameSuffix = ".seg";

// One pre-write call: large enough for full bandwidth, small enough that a commit beside it waits
// 2-4 ms at worst (a buffered pre-write and its fsync stall commits for 400 ms).
constexpr std::uint64_t kZeroFillBytes = 1 * kMiB;

// How often a full disk is tried again when no slot came back in the meantime.
constexpr std::chrono::milliseconds kNoSpaceRetry{1000};

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

SlotPool::SlotPool(std::vector<io::Directory*> directories, const LogOptions& options,
                   io::OpenMode mode)
    : directories_(std::move(directories)), options_(options), mode_(mode) {
  CHECK(!directories_.empty());
  CHECK(options_.slot_bytes % kBlockAlignBytes == 0);
  CHECK(options_.slot_bytes > kSegmentDataOffset);
}

SlotPool::~SlotPool() {
  stop();
}

Result<void> SlotPool::open() {
  const MutexLock lock(mutex_);
  for (io::Directory* directory : directories_) {
    TRY_ASSIGN(const std::vector<std::string> names, directory->list());
    for (const std::string& name : names) {
      const auto slot = parse_slot_name(name);
      if (!slot) continue;
      if (!slots_.emplace(*slot, directory).second) {
        log_error("wal.duplicate_slot", "the same slot file lies in two data directories",
                  {{"slot", name}, {"directory", directory->path()}});
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

void SlotPool::start(std::span<const SlotId> in_use) {
  MutexLock lock(mutex_);
  CHECK(!is_started_);
  CHECK(!is_read_only());
  is_started_ = true;
  for (const SlotId slot : in_use) {
    if (!slots_.contains(slot)) missing_max_ = std::max(missing_max_, slot);
  }
  for (const auto& slot : slots_) {
    if (std::find(in_use.begin(), in_use.end(), slot.first) == in_use.end()) {
      spares_.push_back(slot.first);
    }
  }
  if (options_.background == Background::kThreads) preparer_ = std::thread([this] { run(); });
}

void SlotPool::stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  if (preparer_.joinable()) preparer_.join();
}

Result<Slot> SlotPool::acquire(Prewrite prewrite) {
  MutexLock lock(mutex_);
  CHECK(is_started_);
  while (!spares_.empty()) {
    const SlotId id = spares_.back();
    spares_.pop_back();
    changed_.notify_one();
    lock.unlock();
    auto slot = reuse(id);
    if (slot.has_value()) return slot;
    log_warn("wal.spare_slot_unusable", "a spare slot file cannot be used and is left alone",
             {{"slot", slot_name(id)}, {"error", slot.error()}});
    lock.lock();
  }
  const SlotId id = reserve_id();
  io::Directory& directory = *slots_.at(id);
  if (prewrite == Prewrite::kNo) ++stats_.unprepared;
  lock.unlock();
  auto slot = create(id, directory, prewrite);
  lock.lock();
  stats_.is_out_of_space = !slot.has_value() && slot.error().code == Errc::kNoSpace;
  return slot;
}

void SlotPool::release(SlotId slot) {
  MutexLock lock(mutex_);
  if (!slots_.contains(slot)) return;  // its file was missing already at open
  CHECK(std::find(spares_.begin(), spares_.end(), slot) == spares_.end());
  spares_.push_back(slot);
  stats_.is_out_of_space = false;
  changed_.notify_one();
  if (options_.background == Background::kNone) delete_surplus(lock);
}

bool SlotPool::has_room() const {
  const MutexLock lock(mutex_);
  return !spares_.empty() || !stats_.is_out_of_space;
}

Result<std::shared_ptr<io::File>> SlotPool::file(SlotId slot) {
  const MutexLock lock(mutex_);
  if (auto open = open_files_[slot].lock()) return open;
  const auto found = slots_.find(slot);
  if (found == slots_.end()) {
    return Error{.code = Errc::kNotFound, .what = "slot file is missing", .at = slot};
  }
  TRY_ASSIGN(auto opened, found->second->open(slot_name(slot), mode_));
  std::shared_ptr<io::File> file = std::move(opened);
  open_files_[slot] = file;
  return file;
}

io::Directory* SlotPool::directory(SlotId slot) const {
  const MutexLock lock(mutex_);
  const auto found = slots_.find(slot);
  return found == slots_.end() ? nullptr : found->second;
}

SlotPool::Stats SlotPool::stats() const {
  const MutexLock lock(mutex_);
  Stats stats = stats_;
  stats.spare = spares_.size();
  return stats;
}

SlotId SlotPool::reserve_id() {
  const SlotId found_max = slots_.empty() ? 0 : slots_.rbegin()->first;
  const SlotId id = std::max(found_max, missing_max_) + 1;
  slots_.emplace(id, directories_[next_directory_]);
  next_directory_ = (next_directory_ + 1) % directories_.size();
  return id;
}

Result<Slot> SlotPool::create(SlotId id, io::Directory& directory, Prewrite prewrite) {
  const std::string name = slot_name(id);
  auto created = directory.open(name, io::OpenMode::kCreate);
  if (!created.has_value()) {
    const MutexLock lock(mutex_);
    if (created.error().code != Errc::kExists) slots_.erase(id);
    return created.error();
  }
  const std::shared_ptr<io::File> file = std::move(created.value());
  Result<void> prepared = file->allocate(options_.slot_bytes);
  if (prepared.has_value() && prewrite == Prewrite::kYes) {
    prepared = zero_fill(*file, options_.slot_bytes);
  }
  if (prepared.has_value()) prepared = file->sync();
  if (prepared.has_value()) prepared = directory.sync();
  if (!prepared.has_value()) {
    // A full disk must get its space back.
    const bool is_gone = directory.remove(name).has_value();
    const MutexLock lock(mutex_);
    if (is_gone) slots_.erase(id);
    return prepared.error();
  }
  const MutexLock lock(mutex_);
  ++stats_.created;
  open_files_[id] = file;
  return Slot{.id = id, .bytes = options_.slot_bytes, .file = file};
}

Result<void> SlotPool::zero_fill(io::File& file, std::uint64_t bytes) {
  const io::AlignedBuffer zeros(kZeroFillBytes);
  for (std::uint64_t at = 0; at < bytes; at += kZeroFillBytes) {
    const std::uint64_t size = std::min(kZeroFillBytes, bytes - at);
    TRY(file.write_at(at, zeros.span().first(size), io::Durability::kNone));
  }
  return {};
}

Result<Slot> SlotPool::reuse(SlotId id) {
  TRY_ASSIGN(auto file, this->file(id));
  TRY_ASSIGN(std::uint64_t bytes, file->size_bytes());
  bytes = align_down(bytes, kBlockAlignBytes);
  // Cut short by a crash during its preparation or by somebody else, or made for smaller slots.
  if (bytes < options_.slot_bytes) {
    TRY(file->allocate(options_.slot_bytes));
    TRY(zero_fill(*file, options_.slot_bytes));
    TRY(file->sync());
    bytes = options_.slot_bytes;
  }
  return Slot{.id = id, .bytes = bytes, .file = std::move(file)};
}

void SlotPool::prepare_spares(MutexLock& lock) {
  while (!is_stopping_ && spares_.size() < options_.spare_slots_min) {
    const SlotId id = reserve_id();
    io::Directory& directory = *slots_.at(id);
    lock.unlock();
    const auto slot = create(id, directory, Prewrite::kYes);
    lock.lock();
    if (slot.has_value()) {
      spares_.push_back(id);
      stats_.is_out_of_space = false;
      continue;
    }
    stats_.is_out_of_space = slot.error().code == Errc::kNoSpace;
    log_warn("wal.no_spare_slot", "cannot prepare a spare slot file; trying again every second",
             {{"directory", directory.path()}, {"error", slot.error()}});
    return;
  }
}

void SlotPool::delete_surplus(MutexLock& lock) {
  while (spares_.size() > options_.spare_slots_max) {
    const SlotId id = spares_.front();
    spares_.erase(spares_.begin());
    io::Directory* directory = slots_.at(id);
    lock.unlock();
    Result<void> deleted = directory->remove(slot_name(id));
    if (deleted.has_value()) deleted = directory->sync();
    lock.lock();
    // A number is free again only when its file is certainly gone.
    if (deleted.has_value()) {
      slots_.erase(id);
      ++stats_.deleted;
    } else {
      log_warn("wal.slot_not_deleted", "cannot delete a drained slot file",
               {{"slot", slot_name(id)}, {"error", deleted.error()}});
    }
  }
}

void SlotPool::run() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    delete_surplus(lock);
    prepare_spares(lock);
    if (is_stopping_) return;
    if (spares_.size() < options_.spare_slots_min) {
      changed_.wait_for(lock, kNoSpaceRetry);
    } else if (spares_.size() <= options_.spare_slots_max) {
      changed_.wait(lock);
    }
  }
}

}  // namespace spillway::wal
