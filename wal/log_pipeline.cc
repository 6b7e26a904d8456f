// The half of LogWriter that moves blocks: staged, in flight, durable, or failed.
#include <algorithm>
#include <chrono>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/batch.h"
#include "wal/log_writer.h"

namespace spillway::wal {

bool LogWriter::can_write() const {
  if (!has_staged() || is_placing_ || failure_) return false;
  if (writing_ == 0) return true;
  // Small blocks grow while one write is under way; splitting them over two would only add flushes,
  // unless waiting for a slow device costs more than they do.
  return writing_ < options_.write_depth_max && (is_large() || is_slow());
}

bool LogWriter::is_large() const {
  return waiting_bytes_ >= options_.overlap_bytes_min;
}

bool LogWriter::is_slow() const {
  return mean_write_ns_ >= options_.slow_write_ns;
}

// A lone write is better made here: it saves two wake-ups. A further one is the queue's, where
// there is one, and a small one the writer thread's: while it wakes up, others join the block.
bool LogWriter::can_lead() const {
  if (!can_write()) return false;
  return writing_ == 0 || writers_.empty() || (queue_ == nullptr && is_large());
}

void LogWriter::lead(MutexLock& lock, const Batch* until) {
  if (queue_ != nullptr && writers_.empty()) drive_queue(lock);
  while (can_lead()) {
    write_next(lock);
    const bool is_done = until != nullptr && until->outcome.get() != Outcome<>::Value::kStaged;
    if (!is_done || writers_.empty()) continue;
    break;  // our own caller has waited long enough
  }
  if (can_write()) call_writer();
}

void LogWriter::call_writer() {
  if (is_handed_over_ || writers_.empty()) return;
  is_handed_over_ = true;
  if (is_reaping_) {
    queue_->interrupt();
  } else {
    work_.notify_one();
  }
}

void LogWriter::write_next(MutexLock& lock) {
  const std::shared_ptr<Batch> batch = place_next(lock);
  if (batch != nullptr) {
    lock.unlock();
    const Result<void> outcome = write(*batch);
    lock.lock();
    end_write(*batch, outcome);
  }
  settle(lock);
}

// Large blocks have company enough.
void LogWriter::gather(MutexLock& lock) {
  if (writers_.empty() || is_large() || !gather_.should_wait(mean_write_ns_)) return;
  is_placing_ = true;
  lock.unlock();
  gather_.wait();
  lock.lock();
  is_placing_ = false;
}

// In flight from here on; nullptr: it got no place, failure_ says why.
std::shared_ptr<Batch> LogWriter::place_next(MutexLock& lock) {
  gather(lock);
  if (staged_.empty()) close_batch();
  std::shared_ptr<Batch> batch = std::move(staged_.front());
  staged_.pop_front();
  const bool is_synced = options_.block_durability == io::Durability::kDurable;
  batch->header.durable_lsn = (is_synced ? durable_end_.lsn : synced_lsn_).value;
  const Sequence acked_below = acked_below_;
  is_placing_ = true;
  lock.unlock();
  const Result<void> placed = place(*batch, acked_below);
  lock.lock();
  is_placing_ = false;
  segment_room_bytes_ = segment_writer_.room_bytes();
  if (!placed.has_value()) {
    staged_.push_front(std::move(batch));
    if (!failure_) failure_ = placed.error();
    return nullptr;
  }
  waiting_bytes_ -= batch->staged_bytes;
  in_flight_.push_back(batch);
  ++writing_;
  if (can_write()) call_writer();
  return batch;
}

Result<void> LogWriter::place(Batch& batch, Sequence acked_below) {
  if (!batch.transaction_blocks.empty()) {
    TRY(segment_writer_.prepare_transaction(batch.transaction_blocks, {batch.header.first_sequence},
                                            acked_below));
  }
  TRY_ASSIGN(batch.place, segment_writer_.place(batch.bytes(), batch.header, acked_below));
  batch.segment = segment_writer_.end().last_segment;
  return {};
}

Result<void> LogWriter::write(Batch& batch) {
  batch.write_started_ns = clock_.monotonic_ns();
  const SegmentWriter::Place& place = batch.place;
  TRY(place.file->write_at(place.offset, place.bytes, options_.block_durability));
  count_write(batch);
  return {};
}

void LogWriter::count_write(Batch& batch) {
  batch.write_ns = clock_.monotonic_ns() - batch.write_started_ns;
  metrics_.write_ns.record(batch.write_ns);
  metrics_.block_size_bytes.record(batch.place.bytes.size());
  metrics_.blocks.add();
  metrics_.bytes.add(batch.place.bytes.size());
  metrics_.payload_bytes.add(batch.header.payload_bytes);
}

void LogWriter::end_write(Batch& batch, const Result<void>& outcome) {
  --writing_;
  batch.is_written = outcome.has_value();
  if (batch.is_written) {
    mean_write_ns_ = (mean_write_ns_ * (kWritesInMean - 1) + batch.write_ns) / kWritesInMean;
  }
  if (options_.block_durability != io::Durability::kDurable) note_unsynced(batch.place.file);
  if (!outcome.has_value() && !failure_) failure_ = outcome.error();
}

// What a finished write, or one that could not begin, means for all others.
void LogWriter::settle(MutexLock& lock) {
  retire(lock);
  if (failure_ && writing_ == 0 && !is_placing_ && !is_retiring_) settle_failure();
  progress_.notify_all();
}

void LogWriter::note_unsynced(const std::shared_ptr<io::File>& file) {
  if (std::find(unsynced_.begin(), unsynced_.end(), file) == unsynced_.end()) {
    unsynced_.push_back(file);
  }
}

// ---- durable

// One thread at a time, so that everybody hears of durable transactions in log order.
void LogWriter::retire(MutexLock& lock) {
  if (is_retiring_) return;
  is_retiring_ = true;
  std::vector<std::shared_ptr<Batch>> retired;
  while (const std::size_t count = count_retirable()) {
    const auto end = in_flight_.begin() + static_cast<std::ptrdiff_t>(count);
    retired.assign(std::make_move_iterator(in_flight_.begin()), std::make_move_iterator(end));
    in_flight_.erase(in_flight_.begin(), end);
    const Sequence durable_before = durable_end_.next_sequence;
    std::int64_t woken = 0;
    for (const auto& batch : retired) {
      publish(*batch);
      woken += batch->awaited_transactions;
    }
    gather_.note_woken(woken);
    const Sequence durable_after = durable_end_.next_sequence;
    lock.unlock();
    if (durable_before < durable_after) listener_.on_durable(durable_after);
    for (const auto& batch : retired) batch->outcome.set(Outcome<>::Value::kDurable);
    lock.lock();
  }
  is_retiring_ = false;
}

// Whole transactions only: a part of one must stay invisible.
std::size_t LogWriter::count_retirable() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < in_flight_.size() && in_flight_[i]->is_written; ++i) {
    if (in_flight_[i]->ends_transaction()) count = i + 1;
  }
  return count;
}

void LogWriter::publish(const Batch& batch) {
  staged_bytes_ -= batch.staged_bytes;
  const std::size_t payload_bytes = batch.header.payload_bytes - segment_writer_.tag_bytes();
  cache_.add(Block{.header = batch.header,
                   .payload = ByteSpan(batch.bytes()).subspan(kBlockHeaderBytes, payload_bytes),
                   .memory = batch.piece.memory});
  if (!batch.ends_transaction()) return;
  durable_end_.lsn = {batch.header.lsn + batch.bytes().size()};
  durable_end_.next_sequence = {batch.header.first_sequence + batch.header.entry_count};
  durable_end_.chain_hash = batch.header.hash;
  durable_end_.last_segment = batch.segment;
  for (const Bookmark& bookmark : batch.bookmarks) bookmarks_.set(bookmark.view());
  segments_.advance(durable_end_.lsn, durable_end_.next_sequence);
  is_second_try_ = false;
  needs_proof_ =
      batch.header.entry_count > 0 && options_.block_durability == io::Durability::kDurable;
  if (needs_proof_ && idle_writers_ > 0) work_.notify_one();
}

// ---- failed

// Nothing is in flight any more: what is not durable lies in the buffers, in log order.
void LogWriter::settle_failure() {
  const Error error = *failure_;
  failure_.reset();
  close_batch();
  while (!in_flight_.empty()) {
    waiting_bytes_ += in_flight_.back()->staged_bytes;
    in_flight_.back()->is_written = false;
    staged_.push_front(std::move(in_flight_.back()));
    in_flight_.pop_back();
  }
  // What failed may be on disk, whole or in part. Behind the end of a segment that another one
  // follows it is never looked at again.
  const bool is_device_error = error.code != Errc::kNoSpace;
  if (segment_writer_.end().lsn != durable_end_.lsn) {
    segment_writer_.abandon(durable_end_, is_device_error ? SegmentWriter::Slots::kLeave
                                                          : SegmentWriter::Slots::kReuse);
  }
  segment_room_bytes_ = segment_writer_.room_bytes();
  if (is_device_error && !is_second_try_) {
    is_second_try_ = true;
    metrics_.rewrites.add();
    log_warn("wal.write_retried", "writing the log failed; trying again in another slot file",
             {{"error", error}, {"lsn", durable_end_.lsn.value}});
    return;
  }
  if (is_device_error) poison_with(error);
  if (!is_device_error) needs_proof_ = false;  // there is nowhere to put it
  fail_staged(error);
}

void LogWriter::poison_with(const Error& error) {
  if (poison_) return;
  poison_ = error;
  log_error("wal.write_failed", "writing the log failed; it takes no more events until restarted",
            {{"error", error}, {"lsn", durable_end_.lsn.value}});
}

void LogWriter::fail_staged(const Error& error) {
  for (const auto& failed : staged_) {
    failed->error = error;
    metrics_.dropped_entries.add(failed->unawaited_entries);
    if (options_.keeps_unawaited && failed->unawaited_entries > 0) drop_ = error;
    failed->outcome.set(Outcome<>::Value::kFailed);
  }
  staged_.clear();
  staged_bytes_ = 0;
  waiting_bytes_ = 0;
  // Sequences are dense on disk, so the failed ones are given out again; after a device error
  // nobody will, because the log is poisoned.
  next_sequence_ = durable_end_.next_sequence;
}

// ---- writer threads

void LogWriter::run(std::size_t index) {
  MutexLock lock(mutex_);
  while (queue_ == nullptr || index == 0) {
    if (is_handed_over_) {
      is_handed_over_ = false;
      if (queue_ == nullptr) {
        while (can_write()) write_next(lock);
      } else {
        drive_queue(lock);
      }
    } else if (is_stopping_) {
      return;
    } else if (is_memory_wanted_) {
      prepare_memory(lock);
    } else {
      wait_for_work(lock);
    }
  }
}

// While nothing is to be written: a commit that touches new memory first waits for the kernel.
void LogWriter::prepare_memory(MutexLock& lock) {
  is_memory_wanted_ = false;
  const std::shared_ptr<SlabPool> pool = arena_.pool();
  lock.unlock();
  pool->prepare();
  lock.lock();
}

void LogWriter::wait_for_work(MutexLock& lock) {
  if (poison_ || (pending_acks_.empty() && !needs_proof_)) {
    ++idle_writers_;
    work_.wait(lock);
    --idle_writers_;
    return;
  }
  const std::uint64_t blocks_before = metrics_.blocks.value();
  // While somebody else writes, his next block takes the acknowledgements along.
  const bool is_urgent = pending_acks_.size() >= kUrgentAcks && !is_busy();
  const bool is_woken =
      !is_urgent && work_.wait_for(lock, std::chrono::milliseconds(options_.idle_flush_ms));
  if (is_woken || is_busy() || is_stopping_ || poison_) return;
  // Another writer thread may have written what was missing, just before this one began to wait.
  if (pending_acks_.empty() && (!needs_proof_ || blocks_before != metrics_.blocks.value())) return;
  // A block without entries carries the acknowledgements and proves what came before durable.
  static_cast<void>(open_batch(0));
  lead(lock, nullptr);
}

}  // namespace spillway::wal
