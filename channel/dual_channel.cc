#include "channel/dual_channel.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "channel/deadline.h"
#include "channel/memory_channel.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

constexpr Error kClosedError{.code = Errc::kClosed, .what = "channel is not started"};

// How long a take that could be larger waits for events on their way to the log.
constexpr std::chrono::milliseconds kArrivalWait{1000};

FileChannelOptions log_options(FileChannelOptions options) {
  options.keep_alive = std::chrono::milliseconds(0);  // the mover tries again
  options.log.keeps_unawaited = true;                 // so does it with what is refused later
  return options;
}

}  // namespace

/// Events from the log, then from memory.
class DualChannel::Transaction final : public TakeTransaction {
 public:
  explicit Transaction(DualChannel& channel) : channel_(channel) {}
  ~Transaction() override {
    if (!is_finished_) rollback();
  }

  void add(std::unique_ptr<TakeTransaction> part) {
    events_.insert(events_.end(), part->events().begin(), part->events().end());
    parts_.push_back(std::move(part));
  }
  void reserve(std::size_t more) { events_.reserve(events_.size() + more); }
  void add(SharedTaken taken) {
    const Run& run = taken->run;
    for (std::size_t i = run.begin; i < run.end; ++i) events_.push_back((*run.batch)[i]);
    taken_.push_back(std::move(taken));
  }

  [[nodiscard]] std::span<const EventView> events() const override { return events_; }

  Result<void> commit() override {
    CHECK(!is_finished_);
    is_finished_ = true;
    std::uint64_t done = 0;
    Result<void> outcome;
    for (const auto& part : parts_) {
      const std::size_t count = part->events().size();
      if (outcome.has_value()) {
        outcome = part->commit();  // after an error its events are back in the log
        if (outcome.has_value()) done += count;
        if (!outcome.has_value()) channel_.add_untaken(count);
      } else {
        channel_.return_to_log(*part);
      }
    }
    for (const SharedTaken& taken : taken_) {
      const bool is_done = outcome.has_value();
      if (is_done) done += taken->run.size();
      channel_.end_memory(taken, is_done ? Taken::End::kCommitted : Taken::End::kRolledBack);
    }
    channel_.total_->release(done, 0);
    channel_.counters_.take_successes.add(done);
    if (!outcome.has_value()) channel_.counters_.take_errors.add();
    return outcome;
  }

  void rollback() override {
    CHECK(!is_finished_);
    is_finished_ = true;
    for (const auto& part : parts_) channel_.return_to_log(*part);
    for (const SharedTaken& taken : taken_) channel_.end_memory(taken, Taken::End::kRolledBack);
  }

 private:
  DualChannel& channel_;
  std::vector<std::unique_ptr<TakeTransaction>> parts_;
  std::vector<SharedTaken> taken_;
  std::vector<EventView> events_;
  bool is_finished_ = false;
};

DualChannel::DualChannel(DualChannelOptions options, io::FileSystem& file_system,
                         const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      log_(log_options(options_.log), file_system, clock),
      runs_(options_.slot_bytes) {
  CHECK(options_.memory_events >= 1 && options_.memory_slots >= 1 && options_.slot_bytes >= 1);
  is_forced_.store(options_.is_spilling_forced);
}

DualChannel::~DualChannel() {
  stop();
}

// ---- start and stop

Result<void> DualChannel::start() {
  CHECK(gate_.is_closed());
  TRY(log_.start());
  const std::uint64_t pending = log_.size_events();
  total_ = std::make_unique<Capacity>(options_.log.capacity_events, Capacity::kUnlimited);
  memory_ = std::make_unique<Capacity>(options_.memory_events, options_.memory_slots);
  total_->restore(pending, 0);
  now_ns_.store(clock_.monotonic_ns());
  is_stopping_.store(false);
  {
    const MutexLock lock(mutex_);
    log_untaken_ = pending;
    takeable_.store(pending);
    is_spilling_ = pending > 0;
    spilling_ns_ = 0;
    spilling_since_ns_ = clock_.monotonic_ns();
  }
  mover_ = std::thread([this] { run_mover(); });
  gate_.open();
  return {};
}

void DualChannel::stop() {
  if (gate_.is_closed()) return;
  gate_.shut();
  total_->close();
  memory_->close();
  for_takers_.ring();
  gate_.close();
  is_stopping_.store(true);
  for_mover_.ring();
  mover_.join();
  drain_to_log();
  log_.stop();
}

// ---- puts

Result<void> DualChannel::put(const EventBatch& batch) {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  if (batch.is_empty()) return {};
  counters_.put_attempts.add(batch.size());
  if (batch.size() > transaction_capacity()) {
    return Error{.code = Errc::kTooLarge, .what = "batch has more events than transactionCapacity"};
  }
  TRY(log_.check(batch));  // or it would stay in memory for ever, and all behind it
  if (log_.is_failed()) {
    counters_.put_errors.add();
    return Error{.code = Errc::kIo, .what = "the log of the channel has failed"};
  }
  const Deadline deadline(options_.log.keep_alive);
  TRY(total_->acquire(batch.size(), 0, options_.log.keep_alive));
  const Room room{.events = batch.size(), .slots = body_slots(batch, options_.slot_bytes)};
  const auto claimed = claim_memory(room, deadline);
  if (!claimed.has_value()) {
    total_->release(batch.size(), 0);
    return claimed;
  }
  auto put = std::make_unique<MemoryPut>();
  put->batch = std::make_shared<const EventBatch>(batch);
  put->slots = room.slots;
  put->put_ns = now_ns_.load(std::memory_order_relaxed);
  inbox_.push(put.release());
  for_takers_.ring();
  if (is_high() || is_forced_.load(std::memory_order_relaxed)) for_mover_.ring();
  counters_.put_successes.add(batch.size());
  return {};
}

// What is larger than the memory claims all of it, and then exceeds it.
Result<void> DualChannel::claim_memory(Room room, const Deadline& deadline) {
  using std::chrono::milliseconds;
  const Room claim{.events = std::min(room.events, memory_->events_max()),
                   .slots = std::min(room.slots, memory_->bytes_max())};
  Result<void> claimed = memory_->acquire(claim.events, claim.slots, milliseconds(0));
  if (!claimed.has_value() && claimed.error().code == Errc::kFull) {
    // Room comes from the mover. Even a put that must not wait gets the time of one move.
    wanting_room_.fetch_add(1);
    for_mover_.ring();
    const auto rest = std::chrono::ceil<milliseconds>(deadline.rest());
    claimed = memory_->acquire(claim.events, claim.slots, std::max(rest, kArrivalWait));
    wanting_room_.fetch_sub(1);
  }
  TRY(claimed);
  if (claim.events != room.events || claim.slots != room.slots) {
    memory_->restore(room.events - claim.events, room.slots - claim.slots);
  }
  return {};
}

bool DualChannel::is_high() const {
  const auto is_above = [&](std::uint64_t used, std::uint64_t max) {
    return max != Capacity::kUnlimited &&
           static_cast<double>(used) * 100 >=
               static_cast<double>(max) * static_cast<double>(options_.spill_percent);
  };
  return wanting_room_.load() > 0 || is_above(memory_->used_events(), memory_->events_max()) ||
         is_above(memory_->used_bytes(), memory_->bytes_max());
}

// ---- takes

Result<std::unique_ptr<TakeTransaction>> DualChannel::take(std::size_t events_max,
                                                           std::chrono::milliseconds wait) {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  if (events_max > transaction_capacity()) {
    return Error{.code = Errc::kTooLarge, .what = "take of more events than transactionCapacity"};
  }
  const Deadline deadline(wait);
  const std::uint64_t interrupts = interrupts_.load();
  auto transaction = std::make_unique<Transaction>(*this);
  while (!gate_.is_closed()) {
    Result<void> gathered;
    {
      const MutexLock lock(take_mutex_);
      gathered = gather(events_max, *transaction);
    }
    // What left the inbox was nowhere to be seen for a taker that was about to sleep.
    if (takeable_.load() > 0) for_takers_.ring();
    const std::size_t count = transaction->events().size();
    if (count == 0 && !gathered.has_value()) {
      counters_.take_errors.add();
      return gathered.error();
    }
    const auto rest = deadline.rest();
    if (count > 0 || rest.count() <= 0 || interrupts_.load() != interrupts) {
      counters_.take_attempts.add(count < events_max ? count + 1 : count);
      return std::unique_ptr<TakeTransaction>(std::move(transaction));
    }
    if (look_again([&] { return has_events(); })) continue;
    const std::uint32_t prepared = for_takers_.prepare();
    const bool has_news = has_events() || gate_.is_closed() || interrupts_.load() != interrupts;
    if (!has_news) for_takers_.sleep(prepared, rest);
  }
  return kClosedError;
}

// The log first, since all of it is older; memory when nothing is left there or on the way there.
Result<void> DualChannel::gather(std::size_t events_max, Transaction& into) {
  std::optional<Deadline> arrival;  // reading the clock is for those who wait
  while (const std::size_t rest = events_max - into.events().size()) {
    std::uint32_t prepared = 0;
    std::uint64_t in_log = 0;
    {
      const MutexLock lock(mutex_);
      in_log = log_untaken_;
      if (in_log == 0) {
        collect_puts();
        if (!is_moving_) {
          gather_from_memory(rest, into);
          return {};
        }
        prepared = for_takers_.prepare();  // the mover needs the lock before it rings
      }
    }
    if (in_log > 0) {
      TRY(gather_from_log(std::min<std::uint64_t>(rest, in_log), into));
      continue;
    }
    if (!arrival) arrival.emplace(kArrivalWait);
    if (arrival->rest().count() <= 0 || gate_.is_closed()) return {};
    for_takers_.sleep(prepared, arrival->rest());
  }
  return {};
}

void DualChannel::gather_from_memory(std::size_t events_max, Transaction& into) {
  std::vector<Run> popped = pop(events_max, SIZE_MAX, kAnySequence);
  into.reserve(count_of(popped));
  for (Run& run : popped) {
    auto taken = std::make_shared<Taken>();
    taken->run = std::move(run);
    taken_.emplace(taken->run.first_sequence, taken);
    into.add(std::move(taken));
  }
  note_takeable();
}

// `wanted` is at most log_untaken_, which only the one who gathers reduces.
Result<void> DualChannel::gather_from_log(std::uint64_t wanted, Transaction& into) {
  TRY_ASSIGN(auto part, log_.take(wanted, std::chrono::milliseconds(0)));
  const std::uint64_t count = part->events().size();
  // Everything counted is durable, so an empty take means damage; the log has reported it.
  const std::uint64_t gone = count == 0 ? wanted : 0;
  if (gone > 0) total_->release(gone, 0);
  if (count > 0) into.add(std::move(part));
  const MutexLock lock(mutex_);
  log_untaken_ -= count + gone;
  note_takeable();
  if (log_untaken_ == 0 && !is_draining_ && !is_moving_) end_spilling();
  return {};
}

void DualChannel::interrupt_takes() {
  interrupts_.fetch_add(1);
  for_takers_.ring();
}

bool DualChannel::has_events() const {
  return takeable_.load() > 0 || !inbox_.is_empty();
}

void DualChannel::add_untaken(std::uint64_t count) {
  {
    const MutexLock lock(mutex_);
    log_untaken_ += count;
    note_takeable();
  }
  for_takers_.ring();
}

// Not in the middle of a take: they may be older than what it has already.
void DualChannel::return_to_log(TakeTransaction& part) {
  const MutexLock lock(take_mutex_);
  const std::size_t count = part.events().size();
  part.rollback();
  add_untaken(count);
}

// A sink is done with events that it had from memory.
void DualChannel::end_memory(const SharedTaken& taken, Taken::End end) {
  std::unique_ptr<TakeTransaction> lease;
  {
    const MutexLock lock(mutex_);
    taken->end = end;
    if (taken->state == Taken::State::kMoving) return;  // the mover sees to it
    lease = std::move(taken->lease);
    if (taken->state == Taken::State::kInMemory) {
      taken_.erase(taken->run.first_sequence);
      if (end == Taken::End::kRolledBack) put_back({taken->run});
      note_takeable();
    }
  }
  if (lease != nullptr && end == Taken::End::kRolledBack) return return_to_log(*lease);
  if (lease != nullptr && end_lease(*lease, end)) add_untaken(taken->run.size());
  for_takers_.ring();
}

// Whether the copies wait in the log to be taken again.
bool DualChannel::end_lease(TakeTransaction& lease, Taken::End end) {
  if (end == Taken::End::kRolledBack) {
    lease.rollback();
    return true;
  }
  const std::size_t count = lease.events().size();
  const Result<void> committed = lease.commit();
  if (committed.has_value()) return false;
  // Delivered, and not on record: they come again, as after a crash.
  log_warn("dual_channel.ack_failed", "events delivered from memory will be delivered again",
           {{"channel", options_.log.name}, {"error", committed.error()}});
  if (committed.error().code == Errc::kClosed) return false;
  total_->restore(count, 0);  // who committed them gives it back
  return true;
}

// ---- memory

std::uint64_t DualChannel::count_of(const std::vector<Run>& runs) {
  std::uint64_t count = 0;
  for (const Run& run : runs) count += run.size();
  return count;
}

std::size_t DualChannel::sum_bytes(const std::vector<Run>& runs) {
  std::size_t bytes = 0;
  for (const Run& run : runs) bytes += run.batch->encoded_bytes();
  return bytes;
}

DualChannel::Room DualChannel::room_of(const std::vector<Run>& runs) {
  Room room;
  for (const Run& run : runs) {
    room.events += run.size();
    room.slots += run.slots;
  }
  return room;
}

void DualChannel::collect_puts() {
  runs_.append(inbox_.take_all());
  note_takeable();
}

// Their room is free at once: what a sink has in hands is bounded by its batch.
std::vector<DualChannel::Run> DualChannel::pop(std::size_t events_max, std::size_t bytes_max,
                                               std::uint64_t below) {
  std::vector<Run> popped;
  std::size_t rest = events_max;
  std::size_t bytes = 0;
  while (rest > 0 && bytes < bytes_max && !runs_.is_empty()) {
    if (runs_.front().first_sequence >= below) break;
    popped.push_back(runs_.pop(rest));
    rest -= popped.back().size();
    bytes += popped.back().batch->encoded_bytes();
  }
  const Room room = room_of(popped);
  memory_->release(room.events, room.slots);
  return popped;
}

void DualChannel::put_back(const std::vector<Run>& runs) {
  const Room room = room_of(runs);
  memory_->restore(room.events, room.slots);
  for (const Run& run : runs) runs_.put_back(run);
}

void DualChannel::note_takeable() {
  takeable_.store(log_untaken_ + runs_.size());
}

// ---- what it tells about itself

std::uint64_t DualChannel::size_events() const {
  const GatePass pass(gate_);
  return pass.is_admitted() ? total_->used_events() : 0;
}

// Of what is in memory only; what the log holds is older.
std::uint64_t DualChannel::memory_age_ns(std::uint64_t now_ns) const {
  std::uint64_t oldest_ns = now_ns;
  if (!runs_.is_empty()) oldest_ns = std::min(oldest_ns, runs_.front().put_ns);
  if (!taken_.empty()) oldest_ns = std::min(oldest_ns, taken_.begin()->second->run.put_ns);
  return now_ns - oldest_ns;
}

void DualChannel::collect(MetricSink& sink) const {
  log_.collect_log(sink);
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return;
  Residence residence = log_.residence();
  const MutexLock lock(mutex_);
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::uint64_t age_ns = memory_age_ns(now_ns);
  residence.bytes += options_.slot_bytes * memory_->used_bytes();
  residence.resident_events = memory_->used_events();
  residence.spilled_events = log_untaken_;
  residence.oldest_age_ns = std::max(residence.oldest_age_ns, age_ns);
  residence.switches = switches_.value();
  const std::uint64_t up_ns = residence.disk_ns;
  residence.disk_ns = spilling_ns_ + (is_spilling_ ? now_ns - spilling_since_ns_ : 0);
  residence.memory_ns = up_ns - std::min(up_ns, residence.disk_ns);
  channel::collect(residence, sink);
  sink.gauge("resident_events_max", "Room for events in memory: memoryCapacity.",
             static_cast<double>(memory_->events_max()));
  sink.gauge("resident_age_ns", "For how long the oldest event that is only in memory has waited.",
             static_cast<double>(age_ns));
  sink.gauge("is_spilling", "1 while events move to the log or wait there.", is_spilling_ ? 1 : 0);
  sink.counter("spills_total", "Times that events began to move to the log.", spills_.value());
  sink.counter("moved_events_total", "Events moved to the log.", moved_events_.value());
  sink.counter("moved_taken_events_total", "Of them, events that a sink had in hands.",
               moved_taken_events_.value());
  sink.counter("refused_moves_total", "Moves that the log refused, to be tried again.",
               refused_moves_.value());
  if (memory_->bytes_max() == Capacity::kUnlimited) return;
  const auto slot_bytes = static_cast<double>(options_.slot_bytes);
  sink.gauge("resident_bytes", "Room that their bodies take, in bytes of whole slots.",
             slot_bytes * static_cast<double>(memory_->used_bytes()));
  sink.gauge("resident_bytes_max", "Room for bodies: byteCapacity without its buffer.",
             slot_bytes * static_cast<double>(memory_->bytes_max()));
}

}  // namespace spillway::channel
