#include "wal/log_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "wal/base/check.h"
#include "wal/batch.h"
#include "wal/block_payload.h"

namespace spillway::wal {
namespace {

// Room kept in every block for acknowledgements, what does not fit rides in the next one, and for
// the tag of an encrypted block.
constexpr std::uint64_t kAckRoomBytes = 64 * kAckBytesMax + kBlockTagBytes;

// With the default of 1 MiB a slab is one huge page: the kernel pins it for a direct write in one
// step instead of page by page.
constexpr std::size_t kBlocksPerSlab = 2;

}  // namespace

LogWriter::LogWriter(const LogParts& log, DurableListener& listener, const Clock& clock)
    : options_(log.options),
      cache_(log.cache),
      listener_(listener),
      clock_(clock),
      slots_(log.slots),
      segments_(log.segments),
      gather_(clock),
      segment_writer_(log.id, options_, slots_, segments_, clock),
      arena_(
          SlabPool::make(kBlocksPerSlab * options_.block_bytes_max,
                         options_.staging_bytes_max / (kBlocksPerSlab * options_.block_bytes_max),
                         io::PageAdvice::kHuge)) {
  CHECK(options_.block_bytes_max % kBlockAlignBytes == 0);
  CHECK(options_.block_bytes_max <= segment_writer_.block_bytes_max());
  CHECK(options_.block_bytes_max > kBlockHeaderBytes + kAckRoomBytes);
}

LogWriter::~LogWriter() {
  static_cast<void>(close());
}

Result<void> LogWriter::open(const LogEnd& end, const std::optional<Segment>& last,
                             Sequence acked_below, Bookmarks bookmarks) {
  if (last && segment_writer_.may_go_on_in(*last)) {
    TRY(segment_writer_.open_existing(end, *last));
  } else {
    TRY(segment_writer_.open_new(end, acked_below));
  }
  const MutexLock lock(mutex_);
  next_sequence_ = end.next_sequence;
  acked_below_ = acked_below;
  durable_end_ = segment_writer_.end();
  bookmarks_ = std::move(bookmarks);
  synced_lsn_ = durable_end_.lsn;
  segment_room_bytes_ = segment_writer_.room_bytes();
  if (options_.background == Background::kNone) return {};
  is_memory_wanted_ = true;
  for (std::size_t i = 0; i < options_.write_depth_max; ++i) {
    writers_.emplace_back([this, i] { run(i); });
  }
  return {};
}

Result<LogWriter::Ticket> LogWriter::append(ByteSpan entries, std::uint64_t count, Waiter waiter,
                                            const std::optional<BookmarkView>& bookmark) {
  TRY_ASSIGN(const Transaction staged, transaction(entries, count, bookmark));
  MutexLock lock(mutex_);
  return stage(lock, staged, waiter);
}

Result<void> LogWriter::commit(ByteSpan entries, std::uint64_t count,
                               const std::optional<BookmarkView>& bookmark) {
  TRY_ASSIGN(const Transaction staged, transaction(entries, count, bookmark));
  Ticket ticket;
  {
    MutexLock lock(mutex_);
    TRY_ASSIGN(ticket, stage(lock, staged, Waiter::kComes));
    lead(lock, ticket.batch_.get());
  }
  return wait(*ticket.batch_);
}

Result<void> LogWriter::wait_durable(const Ticket& ticket) {
  Batch& batch = *ticket.batch_;
  if (batch.outcome.get() == Outcome<>::Value::kStaged) {
    MutexLock lock(mutex_);
    if (batch.outcome.get() == Outcome<>::Value::kStaged) lead(lock, &batch);
  }
  return wait(batch);
}

Result<void> LogWriter::wait(Batch& batch) {
  if (batch.outcome.wait() == Outcome<>::Value::kFailed) return batch.error;
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
  if (idle_writers_ > 0 || pending_acks_.size() == kUrgentAcks) work_.notify_one();
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

Result<void> LogWriter::wait_appended() {
  std::shared_ptr<Batch> last;
  {
    MutexLock lock(mutex_);
    while (is_placing_ && !has_staged()) progress_.wait(lock);  // it is in no list
    if (!in_flight_.empty()) last = in_flight_.back();
    if (!staged_.empty()) last = staged_.back();
    if (open_ != nullptr) last = open_;
    while (last == nullptr && is_retiring_) progress_.wait(lock);
    if (last != nullptr) lead(lock, last.get());
  }
  if (last != nullptr) static_cast<void>(wait(*last));  // the caller learns what was dropped
  const MutexLock lock(mutex_);
  drop_.reset();
  return poison_ ? Result<void>(*poison_) : Result<void>();
}

Result<void> LogWriter::flush() {
  MutexLock lock(mutex_);
  while (is_busy() || (!poison_ && (has_staged() || !pending_acks_.empty()))) {
    if (is_busy()) {
      progress_.wait(lock);
      continue;
    }
    if (!has_staged()) static_cast<void>(open_batch(0));
    lead(lock, nullptr);
  }
  if (poison_) return *poison_;
  return {};
}

Result<void> LogWriter::sync() {
  const MutexLock one_at_a_time(sync_mutex_);
  std::vector<std::shared_ptr<io::File>> files;
  Lsn end;
  {
    const MutexLock lock(mutex_);
    if (poison_) return *poison_;
    files.swap(unsynced_);
    end = durable_end_.lsn;
  }
  Result<void> synced;
  for (const auto& file : files) {
    synced = file->sync();
    if (!synced.has_value()) break;
  }
  const MutexLock lock(mutex_);
  if (synced.has_value()) {
    synced_lsn_ = end;
  } else {
    poison_with(synced.error());
  }
  return synced;
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
  for (std::thread& writer : writers_) writer.join();
  writers_.clear();
  return flushed;
}

void LogWriter::finish_drained_segment(Sequence acked_below) {
  const MutexLock lock(mutex_);
  if (poison_ || failure_ || is_busy() || has_staged() || slots_.has_room()) return;
  if (acked_below < durable_end_.next_sequence) return;
  if (segment_room_bytes_ >= segment_writer_.block_bytes_max()) return;  // it is empty
  segment_writer_.finish_segment();
  segment_room_bytes_ = 0;
}

bool LogWriter::has_open_segment() const {
  const MutexLock lock(mutex_);
  return !is_busy() && segment_writer_.is_open();
}

LogEnd LogWriter::durable_end() const {
  const MutexLock lock(mutex_);
  return durable_end_;
}

LogWriter::Durable LogWriter::durable() const {
  const MutexLock lock(mutex_);
  return {.end = durable_end_, .bookmarks = bookmarks_};
}

Result<std::optional<std::string>> LogWriter::bookmark(std::string_view key) const {
  const MutexLock lock(mutex_);
  if (poison_) return *poison_;
  const auto value = bookmarks_.find(key);
  return value ? std::optional<std::string>(*value) : std::nullopt;
}

std::optional<Error> LogWriter::poison() const {
  const MutexLock lock(mutex_);
  return poison_;
}

// ---- staging

Result<void> LogWriter::check(ByteSpan entries, const std::optional<BookmarkView>& bookmark) const {
  TRY(transaction(entries, /*count=*/1, bookmark));
  return {};
}

// Checked before anything is staged, so that a refusal leaves no part of the transaction.
Result<LogWriter::Transaction> LogWriter::transaction(
    ByteSpan entries, std::uint64_t count, const std::optional<BookmarkView>& bookmark) const {
  CHECK(count > 0);
  CHECK(!bookmark || bookmark->is_possible());
  Transaction transaction{.entries = entries,
                          .count = count,
                          .bookmark = bookmark,
                          .bookmark_bytes = bookmark ? bookmark_bytes(*bookmark) : 0};
  const std::uint64_t room_bytes = kAckRoomBytes + transaction.bookmark_bytes;
  const auto bytes_of_block = [&](std::uint64_t entry_bytes) {
    return block_bytes(put_bytes(entry_bytes) + room_bytes);
  };
  transaction.is_split = bytes_of_block(entries.size()) > options_.block_bytes_max;
  if (!transaction.is_split) return transaction;
  wire::Reader reader(entries);
  for (const std::byte* at = entries.data(); reader.next(); at = reader.position()) {
    const auto entry_bytes = static_cast<std::uint64_t>(reader.position() - at);
    if (bytes_of_block(entry_bytes) > segment_writer_.block_bytes_max()) {
      return Error{.code = Errc::kTooLarge, .what = "event is larger than a segment can hold"};
    }
  }
  return transaction;
}

Result<LogWriter::Ticket> LogWriter::stage(MutexLock& lock, const Transaction& transaction,
                                           Waiter waiter) {
  TRY(admit(lock, transaction.entries.size() + transaction.bookmark_bytes, waiter));
  Ticket ticket;
  ticket.range_ = {.first = next_sequence_, .end = next_sequence_ + transaction.count};
  if (transaction.is_split) {
    stage_split(transaction);
    ticket.batch_ = staged_.back();
  } else {
    stage_put(transaction);
    ticket.batch_ = open_;
  }
  CHECK(next_sequence_ == ticket.range_.end);
  if (waiter == Waiter::kComes) {
    ++ticket.batch_->awaited_transactions;
    gather_.note_commit();
  } else {
    ticket.batch_->unawaited_entries += transaction.count;
    if (can_write()) call_writer();
  }
  return ticket;
}

std::uint64_t LogWriter::lag_ns() const {
  const Batch* oldest = open_.get();
  if (!staged_.empty()) oldest = staged_.front().get();
  if (!in_flight_.empty()) oldest = in_flight_.front().get();
  return oldest == nullptr ? 0 : clock_.monotonic_ns() - oldest->staged_ns;
}

LogWriter::Lag LogWriter::lag() const {
  const MutexLock lock(mutex_);
  return {.ns = lag_ns(), .bytes = staged_bytes_};
}

bool LogWriter::must_wait(std::uint64_t bytes, Waiter waiter) const {
  if (staged_bytes_ > 0 && staged_bytes_ + bytes > options_.staging_bytes_max) return true;
  return waiter == Waiter::kNone && lag_ns() > options_.lag_ns_max;
}

Result<void> LogWriter::admit(MutexLock& lock, std::uint64_t bytes, Waiter waiter) {
  while (!poison_ && !is_closed_ && must_wait(bytes, waiter)) {
    if (can_lead()) {
      lead(lock, nullptr);  // nobody waits for what is staged yet: make room ourselves
    } else {
      if (can_write()) call_writer();
      progress_.wait(lock);
    }
  }
  if (poison_) return *poison_;
  if (is_closed_) return Error{.code = Errc::kClosed, .what = "log is closed"};
  if (drop_) return *drop_;
  if (slots_.is_below_minimum()) {
    return Error{.code = Errc::kNoSpace,
                 .what = "less disk space is free than minimumRequiredSpace"};
  }
  // Refusing here, before anything is staged, keeps a full disk from failing other transactions.
  const std::uint64_t room_bytes = slots_.room_bytes();
  const bool is_room_known = room_bytes != SlotPool::kUnknownRoom;
  if (is_room_known &&
      waiting_bytes_ + bytes + kBlockAlignBytes > segment_room_bytes_ + room_bytes) {
    return Error{.code = Errc::kNoSpace, .what = "no slot file for the next segment"};
  }
  return {};
}

void LogWriter::stage_put(const Transaction& transaction) {
  const std::uint64_t bytes = put_bytes(transaction.entries.size()) + transaction.bookmark_bytes;
  Batch& batch = open_batch(bytes);
  batch.set_payload_end(write_put(batch.payload_end(), transaction.entries));
  if (const auto& bookmark = transaction.bookmark) {
    batch.set_payload_end(write_bookmark(batch.payload_end(), *bookmark));
    batch.bookmarks.push_back(
        {.key = std::string(bookmark->key), .value = std::string(bookmark->value)});
  }
  batch.header.entry_count += static_cast<std::uint32_t>(transaction.count);
  batch.staged_bytes += bytes;
  next_sequence_ += transaction.count;
  staged_bytes_ += bytes;
  waiting_bytes_ += bytes;
}

// The bookmark goes with the last part: only then is the transaction whole.
void LogWriter::stage_split(const Transaction& transaction) {
  const ByteSpan entries = transaction.entries;
  close_batch();
  const std::size_t staged_before = staged_.size();
  const std::uint64_t room_bytes = options_.block_bytes_max - kBlockHeaderBytes - kAckRoomBytes -
                                   put_bytes(0) - wire::kVarintBytesMax;
  // A part has one entry at least, however little room that is.
  const std::uint64_t part_bytes_max =
      room_bytes - std::min(room_bytes, transaction.bookmark_bytes);
  wire::Reader reader(entries);
  const std::byte* part = entries.data();
  const std::byte* end = part;  // of the entries that fit so far
  std::uint64_t count = 0;
  const auto stage_part = [&](bool is_last) REQUIRES(mutex_) {
    Transaction staged{.entries = {part, static_cast<std::size_t>(end - part)}, .count = count};
    if (is_last) {
      staged.bookmark = transaction.bookmark;
      staged.bookmark_bytes = transaction.bookmark_bytes;
    }
    stage_put(staged);
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
  // Tells the first block what slots the transaction needs: a full disk then refuses it before any
  // of it is written.
  for (std::size_t i = staged_before; i < staged_.size(); ++i) {
    staged_[staged_before]->transaction_blocks.push_back(staged_[i]->bytes().size());
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
    if (arena_.is_last_slab() && !writers_.empty() && queue_ == nullptr) {
      is_memory_wanted_ = true;
      work_.notify_one();
    }
    const std::uint64_t bytes_max = std::min<std::uint64_t>(
        batch->piece.bytes.size(), std::max(bytes_min, options_.block_bytes_max));
    batch->payload_bytes_max = bytes_max - kBlockHeaderBytes - kBlockTagBytes;
    batch->header.first_sequence = next_sequence_.value;
    batch->staged_ns = clock_.monotonic_ns();
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

bool LogWriter::is_busy() const {
  return is_placing_ || is_retiring_ || !in_flight_.empty();
}

}  // namespace spillway::wal
