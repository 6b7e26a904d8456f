#include "wal/segment_scan.h"

#include <utility>

namespace spillway::wal {

std::string_view fault_name(BlockFault fault) {
  switch (fault) {
    case BlockFault::kNone:
      return "none";
    case BlockFault::kMissing:
      return "missing";
    case BlockFault::kBlank:
      return "blank";
    case BlockFault::kDamaged:
      return "damaged";
    case BlockFault::kUnreadable:
      return "unreadable";
    case BlockFault::kMisplaced:
      return "misplaced";
    case BlockFault::kUnchained:
      return "unchained";
  }
  return "unknown";
}

SegmentScan::SegmentScan(const ChannelId& id, const LogOptions& options, SlotPool& slots,
                         const Segment& segment, std::optional<std::uint64_t> previous_hash)
    : segment_(segment),
      options_(options),
      id_(id),
      slots_(slots),
      reader_(id, options_, slots_, table_, cache_),
      previous_hash_(previous_hash) {
  table_.append(segment);
  reader_.seek(segment.first_lsn, segment.first_sequence);
}

Result<SegmentScan::Step> SegmentScan::next() {
  LogEnd end;
  end.lsn = segment_.end_lsn;
  end.next_sequence = segment_.end_sequence;
  TRY_ASSIGN(LogReader::Step read, reader_.next(end));
  Step step{.block = std::move(read.block), .lost = read.lost};
  if (step.lost) {
    TRY_ASSIGN(step.fault, judge(step.lost->first_lsn));
    previous_hash_ = std::nullopt;
  } else if (step.block) {
    const BlockHeader& header = step.block->header;
    const bool is_chained = !previous_hash_ || *previous_hash_ == header.previous_hash;
    if (!is_chained) step.fault = BlockFault::kUnchained;
    previous_hash_ = header.hash;
  }
  return step;
}

Result<BlockFault> SegmentScan::judge(Lsn lsn) {
  auto file = slots_.file(segment_.slot);
  if (!file.has_value() && file.error().code == Errc::kNotFound) return BlockFault::kMissing;
  if (!file.has_value()) return file.error();
  // One block at a time: what is unreadable behind it must not be charged to it.
  SegmentReader reader(std::move(file.value()), segment_, hash_seed(id_), kBlockAlignBytes);
  reader.use_cipher(cipher_of(options_.keys.get(), id_, segment_));
  TRY_ASSIGN(const SegmentReader::Found found, reader.read(lsn));
  if (reader.unreadable_blocks() > 0) return BlockFault::kUnreadable;
  switch (found.state) {
    case BlockState::kBlank:
      return BlockFault::kBlank;
    case BlockState::kDamaged:
      return BlockFault::kDamaged;
    case BlockState::kValid:
      break;
  }
  return BlockFault::kMisplaced;
}

}  // namespace spillway::wal
