// Reads and judges the blocks of one segment; decides nothing.
//
// Recovery, the consumer's read path and the offline tools all look at a segment through this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/block_cipher.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/file.h"
#include "wal/read_ahead.h"
#include "wal/segment.h"

namespace spillway::wal {

/// Not thread-safe. Reads sequentially in chunks; blocks it returns stay valid on their own.
class SegmentReader {
 public:
  /// `segment` gives place and incarnation; its end is not relied on. Reads `chunk_bytes` at once.
  SegmentReader(std::shared_ptr<io::File> file, const Segment& segment, std::uint64_t seed,
                std::uint64_t chunk_bytes);

  /// Reads through `ahead`, for whoever means to go through the segment in order.
  SegmentReader(std::shared_ptr<io::File> file, const Segment& segment, std::uint64_t seed,
                ReadAhead& ahead);

  /// Opens the blocks of an encrypted segment. Without (or with nullptr) they are checked by their
  /// hash and come locked.
  void use_cipher(std::unique_ptr<BlockCipher> cipher) { cipher_ = std::move(cipher); }

  struct Found {
    BlockState state = BlockState::kBlank;
    Block block;  // set when kValid
  };

  /// The block at `lsn`, valid only if whole and well-formed. Sectors the device cannot read count
  /// as damaged; bytes behind the end of the file as blank. A device that does not even give the
  /// segment's header is gone rather than damaged: kIo, and nothing is known about the block.
  Result<Found> read(Lsn lsn);

  /// Nothing at or behind `end` is read until this is called again with a later one: a writer may
  /// be at work there, and what is read ahead is kept. Initially the end of the slot.
  void read_up_to(Lsn end);

  /// The first valid block in (lsn, limit), at any block boundary.
  Result<std::optional<Lsn>> find_valid_after(Lsn lsn, Lsn limit);

  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

  /// Blocks of 4 KiB that the device refused to read so far.
  [[nodiscard]] std::uint64_t unreadable_blocks() const { return unreadable_blocks_; }

 private:
  /// False: whole, but not what was written.
  bool open(ByteSpan bytes, const BlockHeader& header, Block& block);

  /// Makes `bytes` bytes from `lsn` available, or as many as there are before end_.
  Result<ByteSpan> fetch(Lsn lsn, std::uint64_t bytes);
  Result<void> load_chunk(Lsn lsn, std::uint64_t bytes);
  /// The chunk behind the one that is loaded, with the end of that one from `lsn` on before it.
  Result<void> load_next_chunk(Lsn lsn);
  [[nodiscard]] bool can_load_next(Lsn lsn, std::uint64_t bytes) const;
  Result<std::size_t> salvage(Result<std::size_t> read, std::uint64_t offset,
                              MutableByteSpan bytes);
  Result<std::size_t> read_salvaging(std::uint64_t offset, MutableByteSpan bytes);
  Result<std::size_t> read_part(io::File* part, std::uint64_t offset, MutableByteSpan bytes);
  static Result<void> probe_device(io::File& part);

  std::shared_ptr<io::File> file_;
  const Segment segment_;
  const std::uint64_t seed_;
  const std::uint64_t chunk_bytes_;
  std::unique_ptr<BlockCipher> cipher_;
  ReadAhead* const ahead_;  // nullptr: reads itself
  Lsn end_;                 // read_up_to()

  SharedMemory memory_;  // of chunk_
  MutableByteSpan chunk_;
  Lsn chunk_lsn_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t unreadable_blocks_ = 0;
};

}  // namespace spillway::wal
