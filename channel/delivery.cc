#include "channel/delivery.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::channel {

using wal::Sequence;
using wal::SequenceRange;

void Delivery::open(wal::LogWriter& writer, const checkpoint::AckState& recovered, wal::Lsn lsn,
                    Sequence sequence) {
  writer_ = &writer;
  {
    const MutexLock lock(ack_mutex_);
    acks_ = recovered;
  }
  const MutexLock lock(mutex_);
  skip_ = recovered;
  const auto ranges = skip_.ranges();
  skip_end_ = ranges.empty() ? skip_.below() : ranges.back().end;
  end_ = writer.durable_end();
  put_times_.open(end_.next_sequence);
  reader_.seek(lsn, sequence);
  next_sequence_ = sequence;
  marks_.push_back({.lsn = lsn, .first_sequence = sequence});
  cursor_.store(sequence.value);
  read_lsn_.store(lsn.value);
  durable_end_.store(writer.durable_end().next_sequence.value);
}

Result<void> Delivery::take(std::size_t events_max, std::chrono::milliseconds wait, Lease& lease) {
  CHECK(events_max > 0);
  const Deadline deadline(wait);
  while (true) {
    std::vector<wal::LostRange> lost;
    Result<void> filled;
    const std::uint64_t started_ns = clock_.monotonic_ns();
    {
      const MutexLock lock(mutex_);
      fill_returned(events_max, lease);
      filled = fill(events_max, lease);
      cursor_.store(next_sequence_.value);
      lost.swap(lost_);
    }
    for (const wal::LostRange& range : lost) {
      on_lost_(range, mark_acknowledged(range.entries));
    }
    // What has been taken before an error is worth delivering; the error comes again.
    if (!lease.events.empty()) {
      take_ns.record(clock_.monotonic_ns() - started_ns);
      return {};
    }
    if (!filled.has_value()) return filled;
    if (!wait_for_events(deadline)) return {};
  }
}

void Delivery::fill_returned(std::size_t events_max, Lease& lease) {
  while (lease.events.size() < events_max && !returned_.empty()) {
    const auto first = returned_.begin();
    add(lease, first->first, first->second.event, first->second.pin);
    returned_.erase(first);
    returned_count_.store(returned_.size());
  }
}

Result<void> Delivery::fill(std::size_t events_max, Lease& lease) {
  while (lease.events.size() < events_max) {
    Sequence sequence;
    ByteSpan entry;
    TRY_ASSIGN(const bool has_entry, next_entry(sequence, entry));
    if (!has_entry) break;
    const auto event = EventView::parse(entry);
    if (!event.has_value()) {
      corrupt_events.add();
      lost_.push_back({.first_lsn = block_->lsn(),
                       .end_lsn = block_->end_lsn(),
                       .entries = {.first = sequence, .end = sequence + 1}});
      continue;
    }
    if (lease.events.empty()) {
      lease.events.reserve(std::min<std::size_t>(events_max, block_->header.entry_count));
    }
    add(lease, sequence, event.value(), block_->memory);
  }
  return {};
}

Result<bool> Delivery::next_entry(Sequence& sequence, ByteSpan& entry) {
  while (true) {
    if (const auto found = entries_.next()) {
      sequence = next_sequence_;
      next_sequence_ += 1;
      const bool is_done = sequence < skip_end_ &&
                           skip_.first_pending({.first = sequence, .end = sequence + 1}).is_empty();
      if (is_done) continue;
      entry = *found;
      return true;
    }
    const auto record = records_.next();
    if (record && record->kind == wal::PayloadReader::Record::Kind::kPut) {
      entries_ = wal::EntryReader(record->entries);
    }
    if (record) continue;
    TRY_ASSIGN(const bool has_block, next_block());
    if (!has_block) return false;
  }
}

Result<bool> Delivery::next_block() {
  while (true) {
    // Asked for only where needed: the answer is behind the lock that producers stage under.
    if (reader_.lsn() >= end_.lsn) end_ = writer_->durable_end();
    if (reader_.lsn() >= end_.lsn) return false;
    auto next = reader_.next(end_);
    if (!next.has_value()) return next.error();
    read_lsn_.store(reader_.lsn().value, std::memory_order_relaxed);
    wal::LogReader::Step& step = next.value();
    if (step.lost) {
      note_lost(*step.lost);
      next_sequence_ = step.lost->entries.end;
      continue;
    }
    if (step.reclaimed) {
      if (!is_acknowledged(step.reclaimed->entries)) note_lost(*step.reclaimed);
      next_sequence_ = step.reclaimed->entries.end;
      continue;
    }
    if (!step.block) continue;
    block_ = std::move(*step.block);
    CHECK(block_->first_sequence() >= next_sequence_);
    next_sequence_ = block_->first_sequence();
    records_ = wal::PayloadReader(block_->payload);
    entries_ = wal::EntryReader();
    add_mark(*block_);
    const auto put_ns = put_times_.time_of(block_->first_sequence());
    if (put_ns && block_->header.entry_count > 0) {
      queue_wait_ns.record(clock_.monotonic_ns() - *put_ns);
    }
    return true;
  }
}

// What is withheld is in somebody's hands: not lost, wherever it lies.
void Delivery::note_lost(const wal::LostRange& lost) {
  SequenceRange rest = lost.entries;
  while (true) {
    const SequenceRange part = skip_.first_pending(rest);
    if (part.is_empty()) return;
    lost_.push_back({.first_lsn = lost.first_lsn, .end_lsn = lost.end_lsn, .entries = part});
    rest.first = part.end;
  }
}

void Delivery::add_mark(const wal::Block& block) {
  if (marks_.size() >= kMarksMax) {
    // The first one is the one that holds; the others only tell how far it may move one day.
    std::size_t kept = 1;
    for (std::size_t i = 2; i < marks_.size(); i += 2) marks_[kept++] = marks_[i];
    marks_.resize(kept);
  }
  marks_.push_back({.lsn = block.lsn(), .first_sequence = block.first_sequence()});
}

void Delivery::add(Lease& lease, Sequence sequence, const EventView& event,
                   const wal::SharedMemory& pin) {
  lease.events.push_back(event);
  if (!lease.ranges.empty() && lease.ranges.back().end == sequence) {
    lease.ranges.back().end = sequence + 1;
  } else {
    lease.ranges.push_back({.first = sequence, .end = sequence + 1});
  }
  if (lease.pins.empty() || lease.pins.back() != pin) lease.pins.push_back(pin);
}

void Delivery::acknowledge(const Lease& lease) {
  for (const SequenceRange& range : lease.ranges) {
    CHECK(mark_acknowledged(range) == range.count());
  }
}

Result<void> Delivery::acknowledge_durably(const Lease& lease) {
  if (lease.ranges.empty()) return {};
  Sequence below;
  {
    // In memory first: a manifest that covers the block with the acknowledgement, and makes the
    // next start not look at it, must have it too.
    const MutexLock lock(ack_mutex_);
    for (const SequenceRange& range : lease.ranges) CHECK(acks_.add(range) == range.count());
    below = acks_.below();
  }
  TRY_ASSIGN(const auto ticket, writer_->stage_acks(lease.ranges));
  TRY(writer_->wait_durable(ticket));
  writer_->note_acked_below(below);
  return {};
}

void Delivery::withdraw(Lease lease) {
  {
    const MutexLock lock(ack_mutex_);
    for (const SequenceRange& range : lease.ranges) acks_.remove(range);
  }
  give_back(std::move(lease));
}

void Delivery::withhold(SequenceRange entries) {
  const MutexLock lock(mutex_);
  if (next_sequence_ >= skip_end_) skip_ = checkpoint::AckState(next_sequence_);  // all passed by
  skip_.add(entries);
  skip_end_ = std::max(skip_end_, entries.end);
}

void Delivery::stop_withholding(SequenceRange entries) {
  const MutexLock lock(mutex_);
  skip_.remove(entries);
}

std::uint64_t Delivery::mark_acknowledged(SequenceRange range) {
  Sequence below;
  std::uint64_t added = 0;
  {
    const MutexLock lock(ack_mutex_);
    added = acks_.add(range);
    below = acks_.below();
  }
  writer_->append_ack(range);
  writer_->note_acked_below(below);
  return added;
}

void Delivery::give_back(Lease lease) {
  {
    // Which of the pins an event lies in is not recorded: a rollback is rare, and the last event
    // taken again frees them all.
    const auto pins = std::make_shared<std::vector<wal::SharedMemory>>(std::move(lease.pins));
    const MutexLock lock(mutex_);
    std::size_t at = 0;
    for (const SequenceRange& range : lease.ranges) {
      // Of what was withheld, the cursor finds by itself what it has not come to.
      const Sequence ahead = std::max(range.first, next_sequence_);
      if (ahead < range.end) skip_.remove({.first = ahead, .end = range.end});
      for (Sequence sequence = range.first; sequence < range.end; sequence += 1) {
        if (sequence >= ahead) {
          ++at;
          continue;
        }
        returned_.emplace(sequence, Returned{.event = lease.events[at++], .pin = pins});
      }
    }
    CHECK(at == lease.events.size());
    returned_count_.store(returned_.size());
  }
  const MutexLock lock(wait_mutex_);
  available_.notify_all();
}

void Delivery::interrupt() {
  const MutexLock lock(wait_mutex_);
  ++interrupts_;
  available_.notify_all();
}

void Delivery::close() {
  const MutexLock lock(wait_mutex_);
  is_closed_ = true;
  available_.notify_all();
}

void Delivery::on_durable(Sequence end) {
  put_times_.note(end, clock_.monotonic_ns());  // before anybody can take it
  durable_end_.store(end.value);
  if (waiters_.load() == 0) return;
  const MutexLock lock(wait_mutex_);
  available_.notify_all();
}

bool Delivery::has_events() const {
  return cursor_.load() < durable_end_.load() || returned_count_.load() > 0;
}

bool Delivery::wait_for_events(const Deadline& deadline) {
  MutexLock lock(wait_mutex_);
  waiters_.fetch_add(1);
  const std::uint64_t interrupts = interrupts_;
  auto rest = deadline.rest();
  while (rest.count() > 0 && !is_closed_ && interrupts == interrupts_ && !has_events()) {
    available_.wait_for(lock, rest);
    rest = deadline.rest();
  }
  waiters_.fetch_sub(1);
  return rest.count() > 0 && !is_closed_ && interrupts == interrupts_;
}

Delivery::Progress Delivery::progress(const wal::LogEnd& end) {
  Progress progress;
  {
    const MutexLock lock(ack_mutex_);
    // Entries behind `end` are acknowledged by records behind it, too: replay will see those.
    progress.acks = acks_.before(end.next_sequence);
  }
  put_times_.forget_below(progress.acks.below());
  const MutexLock lock(mutex_);
  const Sequence below = progress.acks.below();
  while (marks_.size() > 1 && marks_[1].first_sequence <= below && marks_[1].lsn <= end.lsn) {
    marks_.pop_front();
  }
  progress.read_lsn = marks_.front().lsn;
  progress.read_sequence = marks_.front().first_sequence;
  return progress;
}

Sequence Delivery::acked_below() const {
  const MutexLock lock(ack_mutex_);
  return acks_.below();
}

bool Delivery::is_out_of_order() const {
  const MutexLock lock(ack_mutex_);
  return acks_.range_count() > 0;
}

bool Delivery::is_acknowledged(const SequenceRange& entries) const {
  const MutexLock lock(ack_mutex_);
  return acks_.covers(entries);
}

}  // namespace spillway::channel
