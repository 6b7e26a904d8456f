#include "wal/segment_writer.h"

#include <sys/random.h>

#include <algorithm>
#include <numeric>
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

// Nothing has been written, so nothing is in doubt: an error here is no error of the log.
Error no_slot(const Error& error) {
  return {.code = Errc::kNoSpace,
          .os_error = error.os_error,
          .what = "no slot file for the next segment"};
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
  const Result<void> started =
      start_segment(end.next_sequence, acked_below, SlotPool::Prewrite::kYes);
  if (started.has_value() || started.error().code != Errc::kNoSpace) return started;
  finish_segment();
  return {};
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
                                                  Sequence acked_below) {
  CHECK(bytes.size() <= block_bytes_max());
  slots_.note_write();
  if (bytes.size() > room_bytes()) {
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

Result<void> SegmentWriter::prepare_transaction(std::span<const std::uint64_t> block_sizes,
                                                Sequence first_sequence, Sequence acked_below) {
  const std::uint64_t bytes =
      std::accumulate(block_sizes.begin(), block_sizes.end(), std::uint64_t{0});
  if (bytes <= room_bytes()) return {};
  const bool fits_one_segment = bytes <= block_bytes_max();
  std::size_t segment_count = 0;
  std::uint64_t room = fits_one_segment ? 0 : room_bytes();
  for (const std::uint64_t size : block_sizes) {
    if (size > room) {
      ++segment_count;
      room = block_bytes_max();
    }
    room -= size;
  }
  const Result<void> reserved = slots_.reserve(segment_count);
  if (!reserved.has_value()) return no_slot(reserved.error());
  if (!fits_one_segment) return {};
  return start_segment(first_sequence, acked_below, SlotPool::Prewrite::kNo);
}

void SegmentWriter::finish_segment() {
  segments_.seal_last();
  file_ = nullptr;
}

void SegmentWriter::abandon(const LogEnd& end, Slots slots) {
  CHECK(end.lsn <= end_.lsn);
  // The newest first, and so deleted first: a crash leaves no hole in what was given up, which
  // recovery would take for a loss and go on behind.
  for (const Segment& segment : segments_.remove_behind(end.lsn)) {
    if (slots == Slots::kReuse) slots_.release(segment.slot);
  }
  const auto left = segments_.snapshot();
  predecessor_ = left.empty() ? SegmentNumber{} : left.back().number;
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
  auto acquired = slots_.acquire(prewrite);
  // At start the true reason counts; later the log waits for a slot, whatever keeps it from one.
  if (!acquired.has_value() && prewrite == SlotPool::Prewrite::kYes) return acquired.error();
  if (!acquired.has_value()) return no_slot(acquired.error());
  const Slot slot = std::move(acquired.value());
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
  // Should the manifests be lost, this tells what was reclaimed from what was lost.
  encode_segment_header(header, bytes,
                        is_encrypting_ ? keys_->active()->alias() : std::string_view(),
                        segments_.gaps());
  // A number is never given twice: the header may be on disk although its write failed.
  end_.last_segment = segment.number;
  const Result<void> written = slot.file->write_at(0, bytes, io::Durability::kDurable);
  if (!written.has_value()) {
    if (written.error().code == Errc::kNoSpace) slots_.release(slot.id);
    // The header may be on disk all the same, and it says where the segment before ends.
    file_ = nullptr;
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
