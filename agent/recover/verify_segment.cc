#include "agent/recover/verify_segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/recover/plain_words.h"
#include "channel/event.h"
#include "wal/block_payload.h"
#include "wal/io/aligned_buffer.h"
#include "wal/segment_scan.h"

namespace spillway::agent::recover {
namespace {

using checkpoint::Finding;
using wal::BlockFault;
using wal::Segment;
using wal::SegmentHeader;

std::string_view kind_of(BlockFault fault) {
  switch (fault) {
    case BlockFault::kNone:
      break;
    case BlockFault::kMissing:
      return "slot_missing";
    case BlockFault::kBlank:
      return "blank_blocks";
    case BlockFault::kDamaged:
      return "damaged_blocks";
    case BlockFault::kUnreadable:
      return "unreadable_blocks";
    case BlockFault::kMisplaced:
      return "misplaced_blocks";
    case BlockFault::kUnchained:
      return "broken_chain";
  }
  return "";
}

std::string_view reason_of(BlockFault fault) {
  switch (fault) {
    case BlockFault::kNone:
      break;
    case BlockFault::kMissing:
      return "the slot file is missing";
    case BlockFault::kBlank:
      return "there are zeros, or bytes of something else, where a block should be";
    case BlockFault::kDamaged:
      return "the header or the checksum of a block is wrong";
    case BlockFault::kUnreadable:
      return "the device cannot read it";
    case BlockFault::kMisplaced:
      return "a sound block has sequences or a size that cannot be right here";
    case BlockFault::kUnchained:
      return "a sound block does not follow the block before it";
  }
  return "";
}

class SegmentCheck {
 public:
  SegmentCheck(const OfflineChannel& channel, const Segment& segment, Progress& progress)
      : channel_(channel), segment_(segment), progress_(progress) {}

  Result<SegmentVerdict> run() {
    if (!channel_.slots->directories(segment_.slot).empty()) {
      TRY(check_file());
    }
    TRY(check_blocks());
    return std::move(verdict_);
  }

 private:
  Problem& add(std::string_view kind) {
    return verdict_.problems.emplace_back(
        Problem{.kind = kind, .segment = segment_.number, .slot = segment_.slot});
  }

  Result<void> check_file() {
    TRY_ASSIGN(const auto file, channel_.slots->file(segment_.slot));
    TRY_ASSIGN(const std::uint64_t bytes, file->size_bytes());
    if (!channel_.slots->is_complete(segment_.slot)) {
      add("slot_missing").words = missing_parts();
    } else if (bytes < segment_.slot_bytes) {
      add("slot_short").words =
          fmt::format("the slot file has {} instead of {}: it was cut", size_in_words(bytes),
                      size_in_words(segment_.slot_bytes));
    }
    io::AlignedBuffer buffer(wal::kBlockAlignBytes);
    for (std::size_t copy = 0; copy < wal::kSegmentHeaderCopies; ++copy) {
      const auto read = file->read_at(copy * wal::kBlockAlignBytes, buffer.span());
      std::optional<SegmentHeader> header;
      if (read.has_value()) {
        header = wal::decode_segment_header(ByteSpan(buffer.span()).first(read.value()));
      }
      check_header_copy(header, copy);
    }
    return {};
  }

  [[nodiscard]] std::string missing_parts() const {
    const auto parts = channel_.slots->directories(segment_.slot);
    std::string names;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      if (parts[part] != nullptr) continue;
      if (!names.empty()) names += ", ";
      names += wal::slot_file_name({.slot = segment_.slot, .part = part, .parts = parts.size()});
    }
    return names + " is in none of the data directories";
  }

  void check_header_copy(const std::optional<SegmentHeader>& header, std::size_t copy) {
    if (!header) {
      add("segment_header").words =
          fmt::format("copy {} of the segment header is damaged", copy + 1);
      return;
    }
    const bool is_expected =
        header->channel_id == channel_.log.channel_id && header->number == segment_.number.value &&
        header->nonce == segment_.nonce && header->first_lsn == segment_.first_lsn.value &&
        header->first_sequence == segment_.first_sequence.value &&
        header->key_id == segment_.key_id;
    if (!is_expected) {
      add("segment_header").words =
          fmt::format("copy {} of the segment header is sound, but belongs to segment {}", copy + 1,
                      header->number);
      return;
    }
    verdict_.header = header;
  }

  Result<void> check_blocks() {
    std::optional<std::uint64_t> previous_hash;
    if (verdict_.header) previous_hash = verdict_.header->predecessor_hash;
    wal::SegmentScan scan(channel_.log.channel_id, channel_.options, *channel_.slots, segment_,
                          previous_hash);
    wal::Lsn at = segment_.first_lsn;
    while (true) {
      TRY_ASSIGN(const wal::SegmentScan::Step step, scan.next());
      if (!step.block && !step.lost) break;
      if (step.block) check_block(*step.block);
      if (step.fault != BlockFault::kNone) add_fault(step);
      const wal::Lsn end = std::min(scan.lsn(), std::max(at, segment_.limit_lsn()));
      progress_.add(end - at);
      at = end;
    }
    verdict_.last_hash = scan.last_hash();
    return {};
  }

  void check_block(const wal::Block& block) {
    ++verdict_.blocks;
    verdict_.events += block.header.entry_count;
    if (block.is_locked) ++verdict_.locked_blocks;
    wal::Sequence sequence = block.first_sequence();
    wal::PayloadReader records(block.payload);
    while (const auto record = records.next()) {
      if (record->kind != wal::PayloadReader::Record::Kind::kPut) continue;
      wal::EntryReader entries(record->entries);
      while (const auto entry = entries.next()) {
        if (!channel::EventView::parse(*entry).has_value()) add_bad_event(block, sequence);
        sequence += 1;
      }
    }
  }

  void add_bad_event(const wal::Block& block, wal::Sequence sequence) {
    Problem& problem = add("bad_event");
    problem.range = {.first_lsn = block.lsn(),
                     .end_lsn = block.end_lsn(),
                     .entries = {.first = sequence, .end = sequence + 1}};
    problem.lost_events = count_lost(channel_.log, problem.range.entries);
    problem.words = "it is stored whole, but is no event";
  }

  void add_fault(const wal::SegmentScan::Step& step) {
    Problem& problem = add(kind_of(step.fault));
    problem.words = reason_of(step.fault);
    if (step.lost) {
      problem.range = *step.lost;
    } else {
      problem.range = {
          .first_lsn = step.block->lsn(),
          .end_lsn = step.block->end_lsn(),
          .entries = {.first = step.block->first_sequence(), .end = step.block->end_sequence()}};
      // Only recovery, at the end of the log, refuses a block for its place in the chain.
      const bool is_refused = std::any_of(channel_.log.findings.begin(),
                                          channel_.log.findings.end(), [&](const Finding& finding) {
                                            return finding.kind == Finding::Kind::kLost &&
                                                   finding.lost.first_lsn <= step.block->lsn() &&
                                                   step.block->lsn() < finding.lost.end_lsn;
                                          });
      if (!is_refused) return;
    }
    problem.lost_events = count_lost(channel_.log, problem.range.entries);
  }

  const OfflineChannel& channel_;
  const Segment& segment_;
  Progress& progress_;
  SegmentVerdict verdict_;
};

}  // namespace

std::uint64_t bytes_to_verify(const Segment& segment) {
  return std::min(segment.end_lsn, segment.limit_lsn()) - segment.first_lsn;
}

Result<SegmentVerdict> verify_segment(const OfflineChannel& channel, const Segment& segment,
                                      Progress& progress) {
  return SegmentCheck(channel, segment, progress).run();
}

std::uint64_t count_lost(const checkpoint::RecoveredLog& log, wal::SequenceRange entries) {
  std::uint64_t lost = 0;
  for (const Finding& finding : log.findings) {
    if (finding.kind != Finding::Kind::kLost) continue;
    const wal::Sequence first = std::max(entries.first, finding.lost.entries.first);
    const wal::Sequence end = std::min(entries.end, finding.lost.entries.end);
    if (first < end) lost += std::min<std::uint64_t>(finding.wanted, end - first);
  }
  while (!entries.is_empty()) {
    const wal::SequenceRange pending = log.acks.first_pending(entries);
    lost += pending.count();
    entries.first = pending.end;
  }
  return lost;
}

}  // namespace spillway::agent::recover
