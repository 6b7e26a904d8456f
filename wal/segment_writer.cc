#include "wal/segment_writer.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/segment_header.h"

namespace spillway::wal {
namespace {

// Encrypted blocks on their way to the device.
constexpr std::size_t kSealedSlabsKept = 4;

std::uint64_t nonce_seed(std::uint64_t wanted) {
  if (wanted != 0) return wanted;
  std::uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);  // cannot fail for up to 256 bytes
  return seed;
}

}  // namespace

SegmentWriter::SegmentWriter(const ChannelId& id, const LogOptions& options, SlotPool& slots,
                             SegmentTable& segments, const Clock& clock)
    : channel_id_(id),
      seed_(hash_seed(id)),
      slot_bytes_(options.slot_bytes),
      slots_(slots),
      segments_(segments),
      clock_(clock),
      nonces_(nonce_seed(options.nonce_seed)),
      keys_(options.keys),
      is_encrypting_(keys_ != nullptr && keys_->active() != nullptr),
      sealed_memory_(SlabPool::make(options.block_bytes_max, kSealedSlabsKept)),
      header_buffer_(kSegmentDataOffset) {}

Result<void> SegmentWriter::open_new(const LogEnd& end, Sequence acked_below) {
  end_ = end;
  const auto segments = segments_.snapshot();
  predecessor_ = segments.empty() ? SegmentNumber{} : segments.back().number;
  return start_segment(end.next_sequence, acked_below, SlotPool::Prewrite::kYes);
}

Result<void> SegmentWriter::open_existing(const LogEnd& end, const Segment& segment) {
  CHECK(segment.end_lsn == end.lsn);
  CHECK(may_go_on_in(segment));
  TRY_ASSIGN(file_, slots_.file(segment.slot));
  end_ = end;
  segment_ = segment;
  predecessor_ = segment.number;
  return {};
}

Result<SegmentWriter::Place> SegmentWriter::place(MutableByteSpan bytes, BlockHeader& header,
                                                  Sequence acked_below,
                                                  std::uint64_t bytes_following) {
  CHECK(bytes.size() <= block_bytes_max());
  const std::uint64_t needed = std::max<std::uint64_t>(bytes.size(), bytes_following);
  if (std::min(needed, block_bytes_max()) > room_bytes()) {
    TRY(start_segment({header.first_sequence}, acked_below, SlotPool::Prewrite::kNo));
  }
  header.segment_nonce = segment_.nonce;
  header.lsn = end_.lsn.value;
  header.previous_hash = end_.chain_hash;
  Place place{.file = file_, .offset = segment_.offset_of(end_.lsn), .bytes = bytes, .memory = {}};
  seal(bytes, header, place);
  end_.lsn += bytes.size();
  end_.chain_hash = header.hash;
  return place;
}

void SegmentWriter::seal(MutableByteSpan bytes, BlockHeader& header, Place& place) {
  if (cipher_ == nullptr) {
    seal_block(bytes, header, seed_);
    return;
  }
  // Consumers get the block from memory: it stays readable there.
  auto copy = sealed_memory_->get(bytes.size());
  const MutableByteSpan sealed = copy->span().first(bytes.size());
  const std::size_t payload_bytes = header.payload_bytes - kBlockTagBytes;
  cipher_->encrypt(bytes.subspan(kBlockHeaderBytes, payload_bytes), header, sealed);
  seal_block(sealed, header, seed_);
  place.bytes = sealed;
  place.memory = std::move(copy);
}

void SegmentWriter::abandon(const LogEnd& end, Slots slots) {
  CHECK(end.lsn <= end_.lsn);
  for (const Segment& segment : segments_.remove_behind(end.lsn)) {
    if (slots == Slots::kReuse) slots_.release(segment.slot);
  }
  const auto left = segments_.snapshot();
  CHECK(!left.empty());
  predecessor_ = left.back().number;
  end_.lsn = end.lsn;
  end_.chain_hash = end.chain_hash;
  file_ = nullptr;
}

std::uint64_t SegmentWriter::room_bytes() const {
  return file_ == nullptr ? 0 : segment_.limit_lsn() - end_.lsn;
}

std::uint64_t SegmentWriter::block_bytes_max() const {
  return slot_bytes_ - kSegmentDataOffset;
}

Result<void> SegmentWriter::start_segment(Sequence first_sequence, Sequence acked_below,
                                          SlotPool::Prewrite prewrite) {
  TRY_ASSIGN(const Slot slot, slots_.acquire(prewrite));
  const Segment segment{.number = end_.last_segment + 1,
                        .slot = slot.id,
                        .nonce = nonces_() | 1U,  // never 0: blank bytes must not match
                        .slot_bytes = slot.bytes,
                        .first_lsn = end_.lsn,
                        .first_sequence = first_sequence,
                        .end_lsn = end_.lsn,
                        .end_sequence = first_sequence,
                        .key_id = is_encrypting_ ? keys_->active()->id() : 0};
  const SegmentHeader header{.channel_id = channel_id_,
                             .number = segment.number.value,
                             .nonce = segment.nonce,
                             .first_lsn = segment.first_lsn.value,
                             .first_sequence = segment.first_sequence.value,
                             .slot_bytes = segment.slot_bytes,
                             .predecessor_number = predecessor_.value,
                             .predecessor_hash = end_.chain_hash,
                             .acked_below = acked_below.value,
                             .created_wall_ms = static_cast<std::uint64_t>(clock_.wall_ms()),
                             .key_id = segment.key_id};
  const MutableByteSpan bytes = header_buffer_.span();
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  encode_segment_header(header, bytes,
                        is_encrypting_ ? keys_->active()->alias() : std::string_view());
  // A number is never given twice: the header may be on disk although its write failed.
  end_.last_segment = segment.number;
  const Result<void> written = slot.file->write_at(0, bytes, io::Durability::kDurable);
  if (!written.has_value()) {
    if (written.error().code == Errc::kNoSpace) slots_.release(slot.id);
    return written;
  }

  segments_.append(segment);
  segment_ = segment;
  cipher_ = cipher_of(keys_.get(), channel_id_, segment);
  file_ = slot.file;
  predecessor_ = segment.number;
  log_debug("wal.segment_started", "a new segment takes the log's end",
            {{"segment", segment.number.value}, {"slot", slot_name(slot.id)}});
  return {};
}

}  // namespace spillway::wal
