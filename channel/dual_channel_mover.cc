// The thread that moves events of a dual channel from memory to its log.
#include <algorithm>
#include <utility>

#include "channel/dual_channel.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

// Taken out of memory at a time, and moved before waiting for the device: that it never waits for
// us, and takers not long for it.
constexpr std::size_t kPopBytes = 4 * kMiB;
constexpr std::size_t kMoveBytes = 64 * kMiB;  // held until they are durable
constexpr std::uint64_t kMoveNsMax = 50'000'000;
constexpr std::size_t kSmallBytes = 1 * kMiB;
constexpr int kDrainTries = 3;  // at a stop

std::shared_ptr<const EventBatch> copy_of(const EventBatch& batch, std::size_t begin,
                                          std::size_t end) {
  auto part = std::make_shared<EventBatch>();
  for (std::size_t i = begin; i < end; ++i) part->add(batch[i]);
  return part;
}

}  // namespace

bool DualChannel::force_spilling(bool is_forced) {
  is_forced_.store(is_forced);
  for_mover_.ring();
  return true;
}

void DualChannel::run_mover() {
  const std::chrono::nanoseconds tick =
      std::max<std::chrono::nanoseconds>(options_.resident_max / 8, std::chrono::milliseconds(1));
  while (!is_stopping_.load()) {
    now_ns_.store(clock_.monotonic_ns(), std::memory_order_relaxed);
    const std::uint32_t prepared = for_mover_.prepare();
    const Moved moved = move_some();
    if (moved == Moved::kSome || is_stopping_.load()) continue;
    for_mover_.sleep(prepared, tick);
  }
}

// Half of what is allowed, so that the other half is left for writing them.
bool DualChannel::is_old() const {
  const std::uint64_t limit_ns =
      static_cast<std::uint64_t>(std::chrono::nanoseconds(options_.resident_max).count()) / 2;
  const std::uint64_t now_ns = now_ns_.load(std::memory_order_relaxed);
  const auto is_beyond = [&](std::uint64_t put_ns) { return now_ns >= put_ns + limit_ns; };
  if (!taken_.empty() && is_beyond(taken_.begin()->second->run.put_ns)) return true;
  return !runs_.is_empty() && is_beyond(runs_.front().put_ns);
}

// Events that the log may take now; at a stop all, for which it is made large enough.
std::uint64_t DualChannel::log_room() const {
  if (is_stopping_.load() || options_.log_events == UINT64_MAX) return UINT64_MAX;
  return options_.log_events - std::min(options_.log_events, log_.size_events());
}

// Transactions are not split by it; one that is larger than all of it goes into an empty log.
bool DualChannel::has_log_room(const Run& run, std::uint64_t room) const {
  return run.size() <= room || log_.size_events() == 0;
}

std::size_t DualChannel::whole_runs(std::uint64_t room) const {
  if (room >= memory_->used_events()) return SIZE_MAX;
  std::size_t whole = 0;
  for (const Run& run : runs_) {
    const bool fits = whole == 0 ? has_log_room(run, room) : whole + run.size() <= room;
    if (!fits) return whole;
    whole += run.size();
  }
  return SIZE_MAX;
}

void DualChannel::begin_spilling() {
  if (is_spilling_) return;
  is_spilling_ = true;
  spilling_since_ns_ = clock_.monotonic_ns();
  spills_.add();
  switches_.add();
}

void DualChannel::end_spilling() {
  if (!is_spilling_) return;
  is_spilling_ = false;
  switches_.add();
  spilling_ns_ += clock_.monotonic_ns() - spilling_since_ns_;
}

// The oldest in memory, unless a sink has something older in hands or the log has no room.
std::vector<DualChannel::Run> DualChannel::pop_movable() {
  const std::uint64_t below = taken_.empty() ? kAnySequence : taken_.begin()->first;
  if (runs_.is_empty() || runs_.front().first_sequence >= below) return {};
  return pop(whole_runs(log_room()), kPopBytes, below);
}

// Once begun, until nothing is left in memory: then the next reason has to come up first.
DualChannel::Moved DualChannel::move_some() {
  SharedTaken taken;
  std::vector<Run> runs;
  const Moved chosen = choose_move(taken, runs);
  if (chosen != Moved::kSome) {
    if (takeable_.load() > 0) for_takers_.ring();  // as in take()
    return chosen;
  }
  const Moved moved = taken != nullptr ? move_taken(taken) : move_runs(std::move(runs));
  if (moved == Moved::kRefused) refused_moves_.add();
  for_takers_.ring();
  return moved;
}

DualChannel::Moved DualChannel::choose_move(SharedTaken& taken, std::vector<Run>& runs) {
  const MutexLock lock(mutex_);
  collect_puts();
  const bool has_reason = is_stopping_.load() || is_forced_.load() || is_high() || is_old();
  is_draining_ = (is_draining_ || has_reason) && !(runs_.is_empty() && taken_.empty());
  if (!is_draining_) {
    if (log_untaken_ == 0 && !has_reason) end_spilling();
    return Moved::kNothing;
  }
  runs = pop_movable();
  const auto first = taken_.begin();
  const bool is_taken_next = runs.empty() && first != taken_.end() &&
                             (runs_.is_empty() || runs_.front().first_sequence > first->first) &&
                             has_log_room(first->second->run, log_room());
  if (runs.empty() && !is_taken_next) return Moved::kRefused;
  begin_spilling();
  is_moving_ = true;
  note_takeable();
  if (is_taken_next) {
    taken = first->second;
    taken_.erase(first);
    taken->state = Taken::State::kMoving;
  }
  return Moved::kSome;
}

// The sink goes on with the events in memory; how it ends is carried over to their copies.
DualChannel::Moved DualChannel::move_taken(const SharedTaken& taken) {
  auto batch = std::make_shared<EventBatch>();
  const Run& run = taken->run;
  for (std::size_t i = run.begin; i < run.end; ++i) batch->add((*run.batch)[i]);
  const std::uint64_t count = batch->size();
  auto lease = log_.put_taken(std::move(batch));
  std::unique_ptr<TakeTransaction> to_end;
  Taken::End end = Taken::End::kOpen;
  {
    const MutexLock lock(mutex_);
    end = taken->end;
    if (lease.has_value()) {
      taken->state = Taken::State::kInLog;
      (end == Taken::End::kOpen ? taken->lease : to_end) = std::move(lease.value());
    } else {
      taken->state = Taken::State::kInMemory;
      if (end == Taken::End::kOpen) taken_.emplace(run.first_sequence, taken);
      if (end == Taken::End::kRolledBack) put_back({run});
      note_takeable();
    }
    if (to_end == nullptr) is_moving_ = false;
  }
  if (!lease.has_value()) return Moved::kRefused;
  moved_events_.add(count);
  moved_taken_events_.add(count);
  if (to_end == nullptr) return Moved::kSome;
  const bool is_returned = end_lease(*to_end, end);
  const MutexLock lock(mutex_);
  if (is_returned) log_untaken_ += count;
  note_takeable();
  is_moving_ = false;
  return Moved::kSome;
}

// The newest `count` events, which are whole runs.
std::vector<DualChannel::Run> DualChannel::split_newest(std::vector<Run>& runs,
                                                        std::uint64_t count) {
  auto first = runs.end();
  while (count > 0) {
    CHECK(first != runs.begin());
    --first;
    CHECK(first->size() <= count);
    count -= first->size();
  }
  std::vector<Run> newest(first, runs.end());
  runs.erase(first, runs.end());
  return newest;
}

// Only what is durable may be taken from the log: the last of a few commits for all, and after many
// a flush does. What the log takes and refuses after all goes back, like what it never took.
DualChannel::Moved DualChannel::move_runs(std::vector<Run> runs) {
  std::vector<Run> moved;
  std::size_t bytes = 0;
  bool is_durable = false;
  const std::uint64_t started_ns = clock_.monotonic_ns();
  const std::uint64_t refused_before = log_.refused_events();
  Result<void> put;
  std::vector<Run> refused;
  while (!runs.empty()) {
    // Little is waiting: the end of this move, or sinks would wait while producers go on.
    const bool is_small = sum_bytes(runs) < kSmallBytes;
    std::size_t done = 0;
    while (done < runs.size() && put.has_value()) {
      const Run& run = runs[done];
      const bool is_whole = run.begin == 0 && run.end == run.batch->size();
      const auto part = is_whole ? run.batch : copy_of(*run.batch, run.begin, run.end);
      is_durable = is_small && done + 1 == runs.size();
      put = log_.put(*part, is_durable ? Durability::kCommit : Durability::kAsync);
      if (put.has_value()) ++done;
    }
    const auto end = runs.begin() + static_cast<std::ptrdiff_t>(done);
    refused.assign(end, runs.end());
    runs.erase(end, runs.end());
    bytes += sum_bytes(runs);
    moved.insert(moved.end(), runs.begin(), runs.end());
    const bool is_long = clock_.monotonic_ns() - started_ns > kMoveNsMax;
    if (!put.has_value() || is_durable || bytes >= kMoveBytes || is_long) break;
    const MutexLock lock(mutex_);
    collect_puts();
    runs = pop_movable();
  }
  if (!moved.empty() && !(is_durable && put.has_value())) {
    const Result<void> durable = log_.flush();
    if (put.has_value()) put = durable;
  }
  const std::vector<Run> given_up = split_newest(moved, log_.refused_events() - refused_before);
  const std::uint64_t count = count_of(moved);
  moved_events_.add(count);
  const MutexLock lock(mutex_);
  put_back(given_up);
  put_back(refused);
  log_untaken_ += count;
  note_takeable();
  is_moving_ = false;
  return put.has_value() ? Moved::kSome : Moved::kRefused;
}

// Behind stop(): nobody puts or takes any more. What the log refuses it may take once a checkpoint
// has given drained segments back to it, or the moment is over.
void DualChannel::drain_to_log() {
  Moved moved = Moved::kRefused;
  for (int tries = 0; tries < kDrainTries && moved == Moved::kRefused; ++tries) {
    if (tries > 0) static_cast<void>(log_.checkpoint());
    log_.lift_limits();
    do {
      moved = move_some();
    } while (moved == Moved::kSome);
  }
  const MutexLock lock(mutex_);
  std::uint64_t lost = 0;
  for (const Run& run : runs_) lost += run.size();
  for (const auto& taken : taken_) lost += taken.second->run.size();
  runs_.clear();
  taken_.clear();
  if (lost == 0) return;
  log_error("dual_channel.dropped",
            "stopped with events in memory that the log does not take: they are lost",
            {{"channel", options_.log.name}, {"events", lost}});
}

}  // namespace spillway::channel
