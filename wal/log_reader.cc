#include "wal/log_reader.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::wal {

LogReader::LogReader(const ChannelId& id, const LogOptions& options, SlotPool& slots,
                     const SegmentTable& segments, BlockCache& cache)
    : id_(id),
      seed_(hash_seed(id)),
      keys_(options.keys),
      slots_(slots),
      segments_(segments),
      cache_(cache),
      ahead_(options) {}

void LogReader::seek(Lsn lsn, Sequence sequence) {
  lsn_ = lsn;
  sequence_ = sequence;
  reader_ = nullptr;
}

Result<LogReader::Step> LogReader::next(const LogEnd& end) {
  if (lsn_ >= end.lsn) return Step{};
  if (auto block = cache_.take(lsn_)) {
    lsn_ = block->end_lsn();
    sequence_ = block->end_sequence();
    if (reader_ != nullptr) {
      reader_ = nullptr;
      ahead_.rest();
    }
    return Step{.block = std::move(block), .lost = {}, .reclaimed = {}};
  }
  return read_from_disk(end);
}

Result<LogReader::Step> LogReader::read_from_disk(const LogEnd& end) {
  const auto segment = segments_.find(lsn_);
  if (!segment) return pass_reclaimed(end);
  const Lsn segment_end = std::min(segment->end_lsn, end.lsn);
  const Sequence segment_end_sequence = std::min(segment->end_sequence, end.next_sequence);
  if (reader_ == nullptr || reader_->segment().number != segment->number) {
    auto file = slots_.file(segment->slot);
    if (!file.has_value() && file.error().code == Errc::kNotFound) {
      return lose(segment_end, segment_end_sequence);
    }
    if (!file.has_value()) return file.error();
    reader_ = std::make_unique<SegmentReader>(std::move(file.value()), *segment, seed_, ahead_);
    reader_->use_cipher(cipher_of(keys_.get(), id_, *segment));
  }
  // What the cache has need not be read. A block reaches over that border only if it is no block.
  const auto cached = cache_.first_lsn();
  const Lsn read_end = cached && lsn_ < *cached ? std::min(segment_end, *cached) : segment_end;
  reader_->read_up_to(read_end);
  const std::uint64_t read_before = reader_->bytes_read();
  TRY_ASSIGN(SegmentReader::Found found, reader_->read(lsn_));
  disk_read_bytes.add(reader_->bytes_read() - read_before);
  const bool is_expected = found.state == BlockState::kValid &&
                           found.block.first_sequence() == sequence_ &&
                           found.block.end_lsn() <= segment_end;
  if (!is_expected) return skip_damage(*segment, segment_end, segment_end_sequence);
  lsn_ = found.block.end_lsn();
  sequence_ = found.block.end_sequence();
  return Step{.block = std::move(found.block), .lost = {}, .reclaimed = {}};
}

// Entries acknowledged before the last start, or blocks without entries behind those we have
// passed.
LogReader::Step LogReader::pass_reclaimed(const LogEnd& end) {
  const auto next = segments_.next_behind(lsn_);
  const bool is_last = !next || end.lsn <= next->first_lsn;
  const LostRange passed = is_last ? skip_to(end.lsn, end.next_sequence)
                                   : skip_to(next->first_lsn, next->first_sequence);
  reader_ = nullptr;
  ahead_.rest();  // of the slot that is gone
  return Step{.block = {}, .lost = {}, .reclaimed = passed};
}

Result<LogReader::Step> LogReader::skip_damage(const Segment& segment, Lsn segment_end,
                                               Sequence segment_end_sequence) {
  CHECK(reader_->segment().number == segment.number);
  reader_->read_up_to(segment_end);  // the next valid block may be one that the cache has, too
  Lsn at = lsn_;
  while (true) {
    TRY_ASSIGN(const auto valid, reader_->find_valid_after(at, segment_end));
    if (!valid) return lose(segment_end, segment_end_sequence);
    TRY_ASSIGN(const SegmentReader::Found found, reader_->read(*valid));
    // A sound block with sequences that cannot be here is damage, too: look further.
    const bool is_possible = found.block.first_sequence() >= sequence_ &&
                             found.block.end_sequence() <= segment_end_sequence;
    if (is_possible) return lose(*valid, found.block.first_sequence());
    at = *valid;
  }
}

LogReader::Step LogReader::lose(Lsn end_lsn, Sequence end_sequence) {
  return Step{.block = {}, .lost = skip_to(end_lsn, end_sequence), .reclaimed = {}};
}

LostRange LogReader::skip_to(Lsn end_lsn, Sequence end_sequence) {
  const LostRange skipped{
      .first_lsn = lsn_,
      .end_lsn = end_lsn,
      .entries = {.first = sequence_, .end = std::max(sequence_, end_sequence)}};
  lsn_ = end_lsn;
  sequence_ = skipped.entries.end;
  return skipped;
}

}  // namespace spillway::wal
