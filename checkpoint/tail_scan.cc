#include "checkpoint/tail_scan.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/block_payload.h"

namespace spillway::checkpoint {

using wal::Block;
using wal::BlockState;
using wal::Lsn;
using wal::ScanAction;
using wal::Sequence;

TailScan::TailScan(wal::SlotPool& slots, const wal::LogOptions& options,
                   std::vector<ChainLink> chain, RecoveredLog& log)
    : slots_(slots),
      options_(options),
      seed_(wal::hash_seed(log.channel_id)),
      chain_(std::move(chain)),
      log_(log),
      ahead_(options) {
  while (index_ + 1 < chain_.size() && chain_[index_ + 1].segment.first_lsn <= log_.end.lsn) {
    ++index_;
  }
  if (chain_.empty()) return;
  wal::Segment& segment = chain_[index_].segment;
  segment.first_sequence = segment.first_lsn == log_.end.lsn
                               ? log_.end.next_sequence
                               : std::min(segment.first_sequence, log_.end.next_sequence);
}

Result<void> TailScan::run() {
  if (chain_.empty()) return {};
  TRY(open_segment());
  while (true) {
    TRY_ASSIGN(const Flow flow, step());
    if (flow == Flow::kEnd) break;
    if (flow == Flow::kSameSegment) continue;
    // Where its blocks go on counting, whatever its header says.
    chain_[index_].segment.first_sequence = log_.end.next_sequence;
    TRY(open_segment());
  }
  count_lost();
  log_.segments.clear();
  for (std::size_t i = 0; i <= index_; ++i) log_.segments.push_back(chain_[i].segment);
  for (std::size_t i = index_ + 1; i < chain_.size(); ++i) {
    log_.given_up_slots.push_back(chain_[i].segment.slot);
  }
  return {};
}

Result<void> TailScan::open_segment() {
  if (reader_ != nullptr) log_.scanned_bytes += reader_->bytes_read();
  reader_ = nullptr;
  const wal::Segment& segment = chain_[index_].segment;
  auto file = slots_.file(segment.slot);
  if (!file.has_value() && file.error().code == Errc::kNotFound) return {};
  if (!file.has_value()) return file.error();
  // What a crashed process wrote must be durable before anything is decided on it.
  if (!slots_.is_read_only()) TRY(file.value()->sync());
  TRY_ASSIGN(const std::uint64_t file_bytes, file.value()->size_bytes());
  if (file_bytes < segment.slot_bytes && slots_.is_complete(segment.slot)) {
    log_.findings.push_back(
        {.kind = Finding::Kind::kSlotShort, .slot = segment.slot, .segment = segment.number});
  }
  reader_ = std::make_unique<wal::SegmentReader>(std::move(file.value()), segment, seed_, ahead_);
  reader_->use_cipher(wal::cipher_of(options_.keys.get(), log_.channel_id, segment));
  return {};
}

Lsn TailScan::segment_end() const {
  const ChainLink* next = successor();
  const Lsn limit = chain_[index_].segment.limit_lsn();
  return next == nullptr ? limit : std::min(limit, next->segment.first_lsn);
}

Result<TailScan::Flow> TailScan::step() {
  const ChainLink* next = successor();
  wal::ScanFacts facts;
  facts.is_at_segment_end =
      next != nullptr && !next->follows_gap && log_.end.lsn == next->segment.first_lsn;
  std::optional<Block> block;
  Evidence evidence;
  if (!facts.is_at_segment_end) {
    TRY_ASSIGN(facts.at_address, look(block));
    if (facts.at_address != BlockState::kValid) {
      TRY_ASSIGN(evidence, gather_evidence());
      facts.has_later_block = evidence.later.has_value();
      facts.is_proven_durable = evidence.is_proven_durable;
      // Whole, in its place and durable: a consumer takes it, whatever lies before it.
      if (block && facts.is_proven_durable) {
        facts.at_address = BlockState::kValid;  // rare: broken_chain_before_durable
      }
    }
    if (is_before_reclaimed(facts.at_address, evidence)) {
      pass_reclaimed();  // rare: reclaimed_segments_in_between
      return Flow::kNextSegment;
    }
  }
  const wal::ScanRow& row = wal::classify(facts);
  switch (row.action) {
    case ScanAction::kAccept:
      accept(*block);
      return Flow::kSameSegment;
    case ScanAction::kEndSegment:
      finish_segment();
      return Flow::kNextSegment;
    case ScanAction::kSkipToBlock:
      lose(row, evidence.later->lsn(), evidence.later->first_sequence());
      return Flow::kSameSegment;
    case ScanAction::kSkipSegment:
      if (next == nullptr) break;
      lose(row, next->segment.first_lsn, next->segment.first_sequence);
      finish_segment();
      return Flow::kNextSegment;
    case ScanAction::kEndLog:
      break;
  }
  end_log(row, facts.at_address == BlockState::kDamaged || facts.has_later_block);
  return Flow::kEnd;
}

Result<BlockState> TailScan::look(std::optional<Block>& block) {
  if (reader_ == nullptr) return BlockState::kBlank;
  TRY_ASSIGN(wal::SegmentReader::Found found, reader_->read(log_.end.lsn));
  if (found.state != BlockState::kValid) return found.state;
  const bool is_in_place = found.block.first_sequence() == log_.end.next_sequence &&
                           found.block.end_lsn() <= segment_end();
  if (!is_in_place) return BlockState::kDamaged;
  block = std::move(found.block);
  const bool follows = !is_chained_ || block->header.previous_hash == log_.end.chain_hash;
  return follows ? BlockState::kValid : BlockState::kDamaged;
}

Result<TailScan::Evidence> TailScan::gather_evidence() {
  Evidence evidence;
  const Lsn at = log_.end.lsn;
  for (Lsn from = at; reader_ != nullptr;) {
    TRY_ASSIGN(const auto later, reader_->find_valid_after(from, segment_end()));
    if (!later) break;
    TRY_ASSIGN(wal::SegmentReader::Found found, reader_->read(*later));
    from = *later;
    // Sound by its hash, impossible by its place: no evidence of anything.
    if (found.block.first_sequence() < log_.end.next_sequence) {
      continue;  // rare: sound_block_at_an_impossible_place
    }
    evidence.is_proven_durable = found.block.header.durable_lsn > at.value;
    if (!evidence.later) evidence.later = std::move(found.block);
    if (evidence.is_proven_durable) break;
  }
  if (!evidence.is_proven_durable) {
    TRY_ASSIGN(evidence.is_proven_durable, successors_prove());
  }
  return evidence;
}

Result<bool> TailScan::successors_prove() {
  for (std::size_t i = index_ + 1; i < chain_.size(); ++i) {
    const wal::Segment& segment = chain_[i].segment;
    if (chain_[i].follows_gap) {  // a whole segment is gone
      return true;                // rare: lost_segment_proves_durability
    }
    auto file = slots_.file(segment.slot);
    if (!file.has_value()) continue;
    wal::SegmentReader reader(std::move(file.value()), segment, seed_, options_.read_bytes);
    // All of its blocks: the first ones may have been built before this address was durable.
    for (std::optional<Lsn> at = segment.first_lsn; at;) {
      TRY_ASSIGN(const wal::SegmentReader::Found found, reader.read(*at));
      const bool is_valid = found.state == BlockState::kValid;
      if (is_valid && found.block.header.durable_lsn > log_.end.lsn.value) {
        return true;  // rare: successor_proves_durability
      }
      TRY_ASSIGN(at, reader.find_valid_after(*at, segment.limit_lsn()));
    }
  }
  return false;
}

void TailScan::accept(const Block& block) {
  const bool is_continued = (block.header.flags & wal::kMorePutFlag) != 0;
  if (is_continued && !unfinished_) unfinished_ = Unfinished{.index = index_, .end = log_.end};
  if (!is_continued) unfinished_.reset();
  log_.end.lsn = block.end_lsn();
  log_.end.next_sequence = block.end_sequence();
  log_.end.chain_hash = block.header.hash;
  is_chained_ = true;
  apply_records(block);
}

void TailScan::apply_records(const Block& block) {
  const wal::SegmentNumber number = chain_[index_].segment.number;
  const bool is_noted = !log_.locked_segments.empty() && log_.locked_segments.back() == number;
  if (block.is_locked && !is_noted) log_.locked_segments.push_back(number);
  wal::PayloadReader records(block.payload);
  while (const auto record = records.next()) {
    switch (record->kind) {
      case wal::PayloadReader::Record::Kind::kPut:
        break;
      case wal::PayloadReader::Record::Kind::kAck:
        // Nobody can acknowledge what has not been written before.
        if (record->ack.end <= log_.end.next_sequence) log_.acks.add(record->ack);
        break;
      case wal::PayloadReader::Record::Kind::kBookmark:
        log_.bookmarks.set(record->bookmark);
        break;
    }
  }
}

void TailScan::lose(const wal::ScanRow& row, Lsn end_lsn, Sequence end_sequence) {
  const wal::LostRange lost{.first_lsn = log_.end.lsn,
                            .end_lsn = end_lsn,
                            .entries = {.first = log_.end.next_sequence,
                                        .end = std::max(log_.end.next_sequence, end_sequence)}};
  log_.findings.push_back({.kind = Finding::Kind::kLost,
                           .row = row.name,
                           .slot = chain_[index_].segment.slot,
                           .segment = chain_[index_].segment.number,
                           .lost = lost});
  log_.end.lsn = end_lsn;
  log_.end.next_sequence = lost.entries.end;
  is_chained_ = false;
  unfinished_.reset();  // what is left of a damaged transaction is still worth delivering
}

// Only at the end: a later block may say that lost entries had been acknowledged.
void TailScan::count_lost() {
  for (Finding& finding : log_.findings) {
    if (finding.kind != Finding::Kind::kLost) continue;
    finding.wanted = log_.acks.add(finding.lost.entries);
    log_.lost_entries += finding.wanted;
  }
}

// The segments that follow are not there, and nothing in them is wanted any more.
bool TailScan::is_before_reclaimed(BlockState found, const Evidence& evidence) const {
  const ChainLink* next = successor();
  return found == BlockState::kBlank && !evidence.later && next != nullptr && next->follows_gap &&
         log_.acks.covers({.first = log_.end.next_sequence, .end = next->segment.first_sequence});
}

void TailScan::pass_reclaimed() {
  finish_segment();
  const wal::Segment& next = chain_[index_].segment;
  log_.end.lsn = next.first_lsn;
  log_.end.next_sequence = std::max(log_.end.next_sequence, next.first_sequence);
  is_chained_ = false;
  unfinished_.reset();
}

void TailScan::finish_segment() {
  wal::Segment& segment = chain_[index_].segment;
  // What the manifest lists as complete ends where it says, also when the scan began behind it.
  if (!segment.is_sealed) {
    segment.end_lsn = log_.end.lsn;
    segment.end_sequence = log_.end.next_sequence;
    segment.is_sealed = true;
  }
  ++index_;
}

void TailScan::end_log(const wal::ScanRow& row, bool has_torn_bytes) {
  const Lsn found_lsn = log_.end.lsn;
  if (unfinished_) {
    index_ = unfinished_->index;  // rare: torn_transaction_over_blocks
    log_.end.lsn = unfinished_->end.lsn;
    log_.end.next_sequence = unfinished_->end.next_sequence;
    log_.end.chain_hash = unfinished_->end.chain_hash;
  }
  wal::Segment& segment = chain_[index_].segment;
  segment.end_lsn = log_.end.lsn;
  segment.end_sequence = log_.end.next_sequence;
  segment.is_sealed = false;
  if (reader_ != nullptr) log_.scanned_bytes += reader_->bytes_read();
  if (!has_torn_bytes && !unfinished_) return;
  log_.findings.push_back(
      {.kind = Finding::Kind::kTornTail,
       .row = row.name,
       .slot = segment.slot,
       .segment = segment.number,
       .lost = {.first_lsn = log_.end.lsn, .end_lsn = found_lsn, .entries = {}}});
}

}  // namespace spillway::checkpoint
