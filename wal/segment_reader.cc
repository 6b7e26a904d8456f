#include "wal/segment_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "wal/base/check.h"
#include "wal/block_payload.h"

namespace spillway::wal {
namespace {

// Else it says nothing about what is stored: this process lacks memory for now.
bool is_of_device(const Error& error) {
  return error.code == Errc::kIo && error.os_error != ENOMEM;
}

}  // namespace

SegmentReader::SegmentReader(std::shared_ptr<io::File> file, const Segment& segment,
                             std::uint64_t seed, std::uint64_t chunk_bytes)
    : file_(std::move(file)),
      segment_(segment),
      seed_(seed),
      chunk_bytes_(align_up(chunk_bytes, kBlockAlignBytes)),
      ahead_(nullptr),
      end_(segment.limit_lsn()) {
  CHECK(file_ != nullptr);
}

SegmentReader::SegmentReader(std::shared_ptr<io::File> file, const Segment& segment,
                             std::uint64_t seed, ReadAhead& ahead)
    : file_(std::move(file)),
      segment_(segment),
      seed_(seed),
      chunk_bytes_(ahead.chunk_bytes()),
      ahead_(&ahead),
      end_(segment.limit_lsn()) {
  CHECK(file_ != nullptr);
}

void SegmentReader::read_up_to(Lsn end) {
  CHECK(end.value % kBlockAlignBytes == 0);
  end_ = std::min(end, segment_.limit_lsn());
}

Result<SegmentReader::Found> SegmentReader::read(Lsn lsn) {
  CHECK(lsn >= segment_.first_lsn);
  CHECK((lsn - segment_.first_lsn) % kBlockAlignBytes == 0);
  Found found;
  if (lsn >= end_) return found;

  TRY_ASSIGN(ByteSpan bytes, fetch(lsn, kBlockAlignBytes));
  if (bytes.size() < kBlockAlignBytes) return found;
  const BlockPlace place{.nonce = segment_.nonce,
                         .lsn = lsn,
                         .bytes_max = segment_.limit_lsn() - lsn,
                         .seed = seed_,
                         .is_encrypted = segment_.key_id != 0};
  BlockHeader header;
  found.state = check_block_header(bytes, place, header);
  if (found.state != BlockState::kValid) return found;

  found.state = BlockState::kDamaged;
  const std::uint64_t size = block_bytes(header.payload_bytes);
  TRY_ASSIGN(bytes, fetch(lsn, size));
  if (bytes.size() < size || !is_block_intact(bytes, header, seed_)) return found;
  if (!open(bytes, header, found.block)) return found;
  found.state = BlockState::kValid;
  return found;
}

bool SegmentReader::open(ByteSpan bytes, const BlockHeader& header, Block& block) {
  block.header = header;
  if (segment_.key_id == 0) {
    block.payload = bytes.subspan(kBlockHeaderBytes, header.payload_bytes);
    block.memory = memory_;
  } else if (cipher_ == nullptr) {
    block.is_locked = true;
    return true;
  } else {
    // Not in its place: what has been read may be looked at again.
    const std::size_t payload_bytes = header.payload_bytes - kBlockTagBytes;
    auto opened = std::make_shared_for_overwrite<std::byte[]>(payload_bytes);
    const MutableByteSpan payload(opened.get(), payload_bytes);
    if (!cipher_->decrypt(bytes, header, payload)) return false;
    block.payload = payload;
    block.memory = std::move(opened);
  }
  return is_payload_valid(block.payload, header.entry_count);
}

Result<std::optional<Lsn>> SegmentReader::find_valid_after(Lsn lsn, Lsn limit) {
  limit = std::min(limit, end_);
  for (lsn += kBlockAlignBytes; lsn < limit; lsn += kBlockAlignBytes) {
    TRY_ASSIGN(const ByteSpan bytes, fetch(lsn, kBlockAlignBytes));
    if (bytes.size() < kBlockAlignBytes) break;  // the file ends here
    TRY_ASSIGN(const Found found, read(lsn));
    if (found.state == BlockState::kValid) return std::optional(lsn);
  }
  return std::optional<Lsn>();
}

Result<ByteSpan> SegmentReader::fetch(Lsn lsn, std::uint64_t bytes) {
  bytes = std::min<std::uint64_t>(bytes, end_ - lsn);
  const bool is_loaded =
      memory_ != nullptr && chunk_lsn_ <= lsn && (lsn - chunk_lsn_) + bytes <= chunk_.size();
  if (!is_loaded) TRY(can_load_next(lsn, bytes) ? load_next_chunk(lsn) : load_chunk(lsn, bytes));
  const std::uint64_t at = lsn - chunk_lsn_;
  const std::uint64_t filled = chunk_.size() > at ? chunk_.size() - at : 0;
  return ByteSpan(chunk_).subspan(at, std::min(bytes, filled));
}

Result<void> SegmentReader::load_chunk(Lsn lsn, std::uint64_t bytes) {
  if (ahead_ != nullptr && bytes <= chunk_bytes_) {
    memory_ = nullptr;
    chunk_ = {};
    chunk_lsn_ = lsn;
    return load_next_chunk(lsn);
  }
  bytes = std::min<std::uint64_t>(std::max(bytes, chunk_bytes_), end_ - lsn);
  if (bytes > chunk_bytes_) {
    // So much memory only for what is there: the header that asks for it has not been proven yet.
    TRY_ASSIGN(const std::uint64_t file_bytes, file_->size_bytes());
    const std::uint64_t begin = std::min(segment_.offset_of(lsn), file_bytes);
    const std::uint64_t there = align_up(file_bytes - begin, kBlockAlignBytes);
    bytes = std::max(chunk_bytes_, std::min(bytes, there));
  }
  // Blocks handed out share the old chunk's memory, so a new one is needed for each load.
  auto memory = std::make_shared<io::AlignedBuffer>(bytes);
  const MutableByteSpan into = memory->span().first(bytes);
  const std::uint64_t offset = segment_.offset_of(lsn);
  TRY_ASSIGN(const std::size_t size, salvage(file_->read_at(offset, into), offset, into));
  bytes_read_ += size;
  chunk_ = into.first(align_down(size, kBlockAlignBytes));
  chunk_lsn_ = lsn;
  memory_ = std::move(memory);
  return {};
}

bool SegmentReader::can_load_next(Lsn lsn, std::uint64_t bytes) const {
  if (ahead_ == nullptr || memory_ == nullptr) return false;
  const Lsn chunk_end = chunk_lsn_ + chunk_.size();
  if (lsn < chunk_lsn_ || chunk_end < lsn || chunk_end >= end_) return false;
  const std::uint64_t kept = chunk_end - lsn;
  return kept <= ahead_->front_bytes() && bytes <= kept + chunk_bytes_;
}

Result<void> SegmentReader::load_next_chunk(Lsn lsn) {
  const Lsn next_lsn = chunk_lsn_ + chunk_.size();
  const std::uint64_t kept = next_lsn - lsn;
  const std::uint64_t offset = segment_.offset_of(next_lsn);
  ReadAhead::Chunk next = ahead_->read(file_, offset, segment_.offset_of(end_));
  const MutableByteSpan all = next.memory->span();
  const std::uint64_t bytes = std::min<std::uint64_t>(chunk_bytes_, end_ - next_lsn);
  TRY_ASSIGN(const std::size_t size,
             salvage(next.size, offset, all.subspan(ahead_->front_bytes(), bytes)));
  bytes_read_ += size;
  const std::size_t first = ahead_->front_bytes() - kept;
  // A block that reaches over the border has to lie in one piece.
  const MutableByteSpan tail = chunk_.last(kept);
  std::copy(tail.begin(), tail.end(), all.subspan(first).begin());
  chunk_ = all.subspan(first, kept + align_down(size, kBlockAlignBytes));
  chunk_lsn_ = lsn;
  memory_ = std::move(next.memory);
  return {};
}

// What the device refused to read in one piece is read block by block.
Result<std::size_t> SegmentReader::salvage(Result<std::size_t> read, std::uint64_t offset,
                                           MutableByteSpan bytes) {
  if (read.has_value() || !is_of_device(read.error())) return read;
  return read_salvaging(offset, bytes);
}

Result<std::size_t> SegmentReader::read_salvaging(std::uint64_t offset, MutableByteSpan bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const io::File::Part part = file_->part_at(offset + done);
    const auto wanted =
        std::min<std::uint64_t>(bytes.size() - done, part.end_offset - offset - done);
    TRY_ASSIGN(const std::size_t read,
               read_part(part.file, offset + done, bytes.subspan(done, wanted)));
    done += read;
    if (read < wanted) break;
  }
  return done;
}

// `bytes` are of `part` alone: each disk answers for itself.
Result<std::size_t> SegmentReader::read_part(io::File* part, std::uint64_t offset,
                                             MutableByteSpan bytes) {
  std::uint64_t unreadable = 0;
  std::size_t done = 0;
  for (; done < bytes.size(); done += kBlockAlignBytes) {
    const MutableByteSpan block = bytes.subspan(done, kBlockAlignBytes);
    const auto read = file_->read_at(offset + done, block);
    if (read.has_value()) {
      if (read.value() < kBlockAlignBytes) break;
      continue;
    }
    if (!is_of_device(read.error())) return read.error();
    std::fill(block.begin(), block.end(), std::byte{0});
    ++unreadable;  // rare: unreadable_block
  }
  if (unreadable * kBlockAlignBytes == bytes.size()) TRY(probe_device(*part));
  unreadable_blocks_ += unreadable;
  return done;
}

// Where nothing at all can be read, the device is gone, and nothing on it is damaged.
Result<void> SegmentReader::probe_device(io::File& part) {
  io::AlignedBuffer block(kBlockAlignBytes);
  const auto first = part.read_at(0, block.span());
  if (first.has_value()) return {};
  const auto copy = part.read_at(kBlockAlignBytes, block.span());
  if (copy.has_value()) return {};
  return copy.error();  // rare: unreadable_device
}

}  // namespace spillway::wal
