#include "wal/log_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/futex.h"
#include "wal/base/log.h"
#include "wal/block_payload.h"

namespace spillway::wal {
namespace {

// Room kept in every block for acknowledgements, what does not fit rides in the next one, and for
// the tag of an encrypted block.
constexpr std::uint64_t kAckRoomBytes = 64 * kAckBytesMax + kBlockTagBytes;

// Acknowledged ranges that make a block of their own worth while before the idle time is over.
constexpr std::size_t kPendingAcksMax = 1000;

}  // namespace

/// One block on its way to the device.
struct Batch {
  static constexpr std::uint32_t kStaged = 0;
  static constexpr std::uint32_t kDurable = 1;
  static constexpr std::uint32_t kFailed = 2;

  BlockHeader header;
  BlockArena::Piece piece;
  std::uint64_t payload_bytes_max = 0;
  std::uint64_t staged_bytes = 0;       // its share of staged_bytes_
  std::uint64_t transaction_bytes = 0;  // first block of a split transaction: of all its blocks
  std::atomic<std::uint32_t> state{kStaged};  // futex word; set once, with release order
  Error error{.code = Errc::kClosed};         // set before kFailed

  [[nodiscard]] MutableByteSpan bytes() const {
    return piece.bytes.first(block_bytes(header.payload_bytes));
  }
  [[nodiscard]] std::byte* payload_end() const {
    return piece.bytes.data() + kBlockHeaderBytes + header.payload_bytes;
  }
  void set_payload_end(const std::byte* end) {
    header.payload_bytes =
        static_cast<std::uint32_t>(end - piece.bytes.data() - std::ptrdiff_t{kBlockHeaderBytes});
  }
};

LogWriter::LogWriter(const ChannelId& id, const LogOptions& options, SlotPool& slots,
                     SegmentTable& segments, BlockCache& cache, DurableListener& listener,
                     const Clock& clock)
    : options_(options),
      cache_(cache),
      listener_(listener),
      clock_(clock),
      slots_(slots),
      segments_(segments),
      segment_writer_(id, options, slots, segments, clock),
      arena_(SlabPool::make(options.block_bytes_max,
                            options.staging_bytes_max / options.block_bytes_max)) {
  CHECK(options_.block_bytes_max % kBlockAlignBytes == 0);
  CHECK(options_.block_bytes_max <= segment_writer_.block_bytes_max());
  CHECK(options_.block_bytes_max > kBlockHeaderBytes + kAckRoomBytes);
}

LogWriter::~LogWriter() {
  static_cast<void>(close());
}

Result<void> LogWriter::open(const LogEnd& end, const std::optional<Segment>& last,
                             Sequence acked_below) {
  if (last && segment_writer_.may_go_on_in(*last)) {
    TRY(segment_writer_.open_existing(end, *last));
  } else {
    TRY(segment_writer_.open_new(end, acked_below));
  }
  const MutexLock lock(mutex_);
  next_sequence_ = end.next_sequence;
  acked_below_ = acked_below;
  durable_end_ = segment_writer_.end();
  segment_room_bytes_ = segment_writer_.room_bytes();
  if (options_.background == Background::kThreads) writer_ = std::thread([this] { run(); });
  return {};
}

Result<LogWriter::Ticket> LogWriter::append(ByteSpan entries, std::uint64_t count) {
  CHECK(count > 0);
  MutexLock lock(mutex_);
  TRY(admit(lock, entries.size()));
  Ticket ticket;
  ticket.range_ = {.first = next_sequence_, .end = next_sequence_ + count};
  const bool is_split =
      block_bytes(put_bytes(entries.size()) + kAckRoomBytes) > options_.block_bytes_max;
  if (is_split) {
    // Checked before anything is staged, so that a refusal leaves no part of the transaction.
    wire::Reader reader(entries);
    for (const std::byte* at = entries.data(); reader.next(); at = reader.position()) {
      const auto entry_bytes = static_cast<std::uint64_t>(reader.position() - at);
      if (block_bytes(put_bytes(entry_bytes) + kAckRoomBytes) > segment_writer_.block_bytes_max()) {
        return Error{.code = Errc::kTooLarge, .what = "event is larger than a segment can hold"};
      }
    }
    stage_split(entries);
    ticket.batch_ = staged_.back();
  } else {
    stage_put(entries, count);
    ticket.batch_ = open_;
  }
  CHECK(next_sequence_ == ticket.range_.end);
  return ticket;
}

Result<void> LogWriter::wait_durable(const Ticket& ticket) {
  Batch& batch = *ticket.batch_;
  // acquire pairs with the release in finish(): error and everything durable is visible.
  if (batch.state.load(std::memory_order_acquire) == Batch::kStaged) {
    MutexLock lock(mutex_);
    if (!is_writing_ && batch.state.load(std::memory_order_acquire) == Batch::kStaged) {
      is_writing_ = true;
      lead(lock, &batch);
    }
  }
  while (batch.state.load(std::memory_order_acquire) == Batch::kStaged) {
    futex_wait(batch.state, Batch::kStaged);
  }
  if (batch.state.load(std::memory_order_acquire) == Batch::kFailed) return batch.error;
  return {};
}

void LogWriter::append_ack(SequenceRange range) {
  if (range.is_empty()) return;
  const MutexLock lock(mutex_);
  if (poison_) return;
  if (!pending_acks_.empty() && pending_acks_.back().end == range.first) {
    pending_acks_.back().end = range.end;  // a consumer in order needs one range
  } else {
    pending_acks_.push_back(range);
  }
  if (is_idle_ || pending_acks_.size() == kPendingAcksMax) work_.notify_one();
}

Result<LogWriter::Ticket> LogWriter::stage_acks(std::span<const SequenceRange> ranges) {
  CHECK(!ranges.empty());
  const MutexLock lock(mutex_);
  if (poison_) return *poison_;
  if (is_closed_) return Error{.code = Errc::kClosed, .what = "log is closed"};
  Ticket ticket;
  for (const SequenceRange& range : ranges) {
    Batch& batch = open_batch(kAckBytesMax);
    batch.set_payload_end(write_ack(batch.payload_end(), range));
    ticket.batch_ = open_;  // the last one becomes durable last
  }
  return ticket;
}

void LogWriter::note_acked_below(Sequence sequence) {
  const MutexLock lock(mutex_);
  acked_below_ = std::max(acked_below_, sequence);
}

Result<void> LogWriter::flush() {
  MutexLock lock(mutex_);
  while (is_writing_ || (!poison_ && (has_staged() || !pending_acks_.empty()))) {
    if (is_writing_) {
      progress_.wait(lock);
      continue;
    }
    if (!has_staged()) static_cast<void>(open_batch(0));
    is_writing_ = true;
    lead(lock, nullptr);
  }
  if (poison_) return *poison_;
  return {};
}

Result<void> LogWriter::close() {
  {
    const MutexLock lock(mutex_);
    if (is_closed_) return {};
    is_closed_ = true;
    progress_.notify_all();
  }
  Result<void> flushed = flush();
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    work_.notify_all();
  }
  if (writer_.joinable()) writer_.join();
  return flushed;
}

LogEnd LogWriter::durable_end() const {
  const MutexLock lock(mutex_);
  return durable_end_;
}

std::optional<Error> LogWriter::poison() const {
  const MutexLock lock(mutex_);
  return poison_;
}

// ---- staging

Result<void> LogWriter::admit(MutexLock& lock, std::uint64_t bytes) {
  while (!poison_ && !is_closed_ && staged_bytes_ > 0 &&
         staged_bytes_ + bytes > options_.staging_bytes_max) {
    if (!is_writing_ && has_staged()) {
      is_writing_ = true;  // nobody waits for what is staged yet: make room ourselves
      lead(lock, nullptr);
    } else {
      progress_.wait(lock);
    }
  }
  if (poison_) return *poison_;
  if (is_closed_) return Error{.code = Errc::kClosed, .what = "log is closed"};
  // Refusing here, before anything is staged, keeps a full disk from failing other transactions.
  if (!slots_.has_room() && staged_bytes_ + bytes + kBlockAlignBytes > segment_room_bytes_) {
    return Error{.code = Errc::kNoSpace, .what = "no slot file for the next segment"};
  }
  return {};
}

void LogWriter::stage_put(ByteSpan entries, std::uint64_t count) {
  const std::uint64_t put = put_bytes(entries.size());
  Batch& batch = open_batch(put);
  batch.set_payload_end(write_put(batch.payload_end(), entries));
  batch.header.entry_count += static_cast<std::uint32_t>(count);
  batch.staged_bytes += put;
  next_sequence_ += count;
  staged_bytes_ += put;
}

void LogWriter::stage_split(ByteSpan entries) {
  close_batch();
  const std::size_t staged_before = staged_.size();
  const std::uint64_t part_bytes_max = options_.block_bytes_max - kBlockHeaderBytes -
                                       kAckRoomBytes - put_bytes(0) - wire::kVarintBytesMax;
  wire::Reader reader(entries);
  const std::byte* part = entries.data();
  const std::byte* end = part;  // of the entries that fit so far
  std::uint64_t count = 0;
  const auto stage_part = [&](bool is_last) REQUIRES(mutex_) {
    stage_put({part, static_cast<std::size_t>(end - part)}, count);
    if (!is_last) open_->header.flags |= kMorePutFlag;
    close_batch();
    part = end;
    count = 0;
  };
  while (reader.next()) {
    if (count > 0 && static_cast<std::uint64_t>(reader.position() - part) > part_bytes_max) {
      stage_part(/*is_last=*/false);
    }
    end = reader.position();
    ++count;
  }
  stage_part(/*is_last=*/true);
  // Tells the first block to start a new segment if the transaction does not fit in this one: a
  // full disk then refuses it before any of it is written.
  for (std::size_t i = staged_before; i < staged_.size(); ++i) {
    staged_[staged_before]->transaction_bytes += staged_[i]->bytes().size();
  }
}

Batch& LogWriter::open_batch(std::uint64_t payload_bytes) {
  if (open_ != nullptr &&
      open_->header.payload_bytes + payload_bytes + kAckRoomBytes > open_->payload_bytes_max) {
    close_batch();
  }
  if (open_ == nullptr) {
    const std::uint64_t bytes_min = block_bytes(payload_bytes + kAckRoomBytes);
    auto batch = std::make_shared<Batch>();
    batch->piece = arena_.reserve(bytes_min);
    const std::uint64_t bytes_max = std::min<std::uint64_t>(
        batch->piece.bytes.size(), std::max(bytes_min, options_.block_bytes_max));
    batch->payload_bytes_max = bytes_max - kBlockHeaderBytes - kBlockTagBytes;
    batch->header.first_sequence = next_sequence_.value;
    open_ = std::move(batch);
  }
  return *open_;
}

void LogWriter::close_batch() {
  if (open_ == nullptr) return;
  add_pending_acks(*open_);
  open_->header.payload_bytes += static_cast<std::uint32_t>(segment_writer_.tag_bytes());
  arena_.cut(block_bytes(open_->header.payload_bytes));
  staged_.push_back(std::move(open_));
  open_ = nullptr;
}

void LogWriter::add_pending_acks(Batch& batch) {
  std::size_t added = 0;
  while (added < pending_acks_.size() &&
         batch.header.payload_bytes + kAckBytesMax <= batch.payload_bytes_max) {
    batch.set_payload_end(write_ack(batch.payload_end(), pending_acks_[added]));
    ++added;
  }
  pending_acks_.erase(pending_acks_.begin(),
                      pending_acks_.begin() + static_cast<std::ptrdiff_t>(added));
}

bool LogWriter::has_staged() const {
  return open_ != nullptr || !staged_.empty();
}

// ---- writer role

void LogWriter::lead(MutexLock& lock, const Batch* until) {
  CHECK(is_writing_);
  while (has_staged()) {
    write_next(lock);
    const bool is_done =
        until != nullptr && until->state.load(std::memory_order_relaxed) != Batch::kStaged;
    if (is_done && has_staged() && writer_.joinable()) {
      is_handed_over_ = true;  // our own caller has waited long enough
      work_.notify_one();
      return;
    }
  }
  is_writing_ = false;
  progress_.notify_all();
}

void LogWriter::write_next(MutexLock& lock) {
  if (staged_.empty()) close_batch();
  const std::shared_ptr<Batch> batch = std::move(staged_.front());
  staged_.pop_front();
  batch->header.durable_lsn = durable_end_.lsn.value;
  const Sequence acked_below = acked_below_;
  lock.unlock();
  const Result<void> written = write(*batch, acked_below);
  lock.lock();
  if (written.has_value()) {
    publish(*batch);
    lock.unlock();
    const bool is_visible = (batch->header.flags & kMorePutFlag) == 0;
    if (is_visible && batch->header.entry_count > 0) {
      listener_.on_durable({batch->header.first_sequence + batch->header.entry_count});
    }
    finish(*batch, Batch::kDurable);
    lock.lock();
  } else {
    fail_from(batch, written.error());
  }
  progress_.notify_all();
}

Result<void> LogWriter::write(Batch& batch, Sequence acked_below) {
  const MutableByteSpan bytes = batch.bytes();
  TRY_ASSIGN(const SegmentWriter::Place place,
             segment_writer_.place(bytes, batch.header, acked_below, batch.transaction_bytes));
  const std::uint64_t started_ns = clock_.monotonic_ns();
  TRY(place.file->write_at(place.offset, place.bytes, io::Durability::kDurable));
  metrics_.write_ns.record(clock_.monotonic_ns() - started_ns);
  metrics_.block_size_bytes.record(bytes.size());
  metrics_.blocks.add();
  metrics_.bytes.add(bytes.size());
  metrics_.payload_bytes.add(batch.header.payload_bytes);
  return {};
}

void LogWriter::publish(Batch& batch) {
  staged_bytes_ -= batch.staged_bytes;
  held_back_.push_back(Block{
      .header = batch.header,
      .payload =
          ByteSpan(batch.bytes())
              .subspan(kBlockHeaderBytes, batch.header.payload_bytes - segment_writer_.tag_bytes()),
      .memory = batch.piece.memory});
  if ((batch.header.flags & kMorePutFlag) != 0) return;

  const LogEnd& end = segment_writer_.end();
  durable_end_ = {.lsn = end.lsn,
                  .next_sequence = {batch.header.first_sequence + batch.header.entry_count},
                  .chain_hash = end.chain_hash,
                  .last_segment = end.last_segment};
  segment_room_bytes_ = segment_writer_.room_bytes();
  segments_.advance(durable_end_.lsn, durable_end_.next_sequence);
  for (Block& block : held_back_) cache_.add(std::move(block));
  held_back_.clear();
  needs_proof_ = batch.header.entry_count > 0;
  if (needs_proof_ && is_idle_) work_.notify_one();
}

void LogWriter::fail_from(const std::shared_ptr<Batch>& batch, const Error& error) {
  close_batch();
  if (error.code == Errc::kNoSpace) {
    // Any part of what failed may be on disk, with the start of its transaction before it. It must
    // not come back between what is acknowledged later.
    if (segment_writer_.end().lsn != durable_end_.lsn) segment_writer_.abandon(durable_end_);
    held_back_.clear();
    segment_room_bytes_ = segment_writer_.room_bytes();
  } else if (!poison_) {
    poison_ = error;
    log_error("wal.write_failed", "writing the log failed; it takes no more events until restarted",
              {{"error", error}, {"lsn", segment_writer_.end().lsn.value}});
  }
  staged_.push_front(batch);
  for (const auto& failed : staged_) {
    failed->error = error;
    finish(*failed, Batch::kFailed);
  }
  staged_.clear();
  staged_bytes_ = 0;
  // Sequences are dense on disk, so the failed ones are given out again; after a device error
  // nobody will, because the log is poisoned.
  next_sequence_ = durable_end_.next_sequence;
}

void LogWriter::finish(Batch& batch, std::uint32_t state) {
  // release pairs with the acquire in wait_durable().
  batch.state.store(state, std::memory_order_release);
  futex_wake_all(batch.state);
}

// ---- writer thread

void LogWriter::run() {
  MutexLock lock(mutex_);
  while (true) {
    if (is_handed_over_) {
      is_handed_over_ = false;
      lead(lock, nullptr);
    } else if (is_stopping_) {
      return;
    } else {
      wait_for_work(lock);
    }
  }
}

void LogWriter::wait_for_work(MutexLock& lock) {
  if (poison_ || (pending_acks_.empty() && !needs_proof_)) {
    is_idle_ = true;
    work_.wait(lock);
    is_idle_ = false;
    return;
  }
  const std::uint64_t blocks_before = metrics_.blocks.value();
  // While somebody else writes, his next block takes the acknowledgements along.
  const bool is_urgent = pending_acks_.size() >= kPendingAcksMax && !is_writing_;
  const bool is_woken =
      !is_urgent && work_.wait_for(lock, std::chrono::milliseconds(options_.idle_flush_ms));
  if (is_woken || is_writing_ || is_stopping_ || poison_) return;
  if (blocks_before != metrics_.blocks.value() && pending_acks_.empty()) return;
  // A block without entries carries the acknowledgements and proves what came before durable.
  static_cast<void>(open_batch(0));
  is_writing_ = true;
  lead(lock, nullptr);
}

}  // namespace spillway::wal
