// One block on its way to the device, and who waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/block_memory.h"
#include "wal/bookmark.h"
#include "wal/outcome.h"
#include "wal/segment_writer.h"

namespace spillway::wal {

/// Belongs to LogWriter, which guards everything but `outcome`.
struct Batch {
  BlockHeader header;
  BlockArena::Piece piece;
  std::uint64_t payload_bytes_max = 0;
  std::uint64_t staged_bytes = 0;  // its share of LogWriter::staged_bytes_
  std::uint64_t staged_ns = 0;     // when it was begun
  std::int64_t awaited_transactions = 0;
  std::uint64_t unawaited_entries = 0;            // success was reported before they are durable
  std::vector<Bookmark> bookmarks;                // of the transactions that end in it
  std::vector<std::uint64_t> transaction_blocks;  // first block of a split transaction: all sizes

  SegmentWriter::Place place;  // once it has one
  SegmentNumber segment;       // likewise
  std::uint64_t write_started_ns = 0;
  std::uint64_t write_ns = 0;  // how long it took
  bool is_written = false;     // durable itself, maybe before blocks ahead of it

  Outcome<> outcome;                   // thread-safe
  Error error{.code = Errc::kClosed};  // set before kFailed

  [[nodiscard]] MutableByteSpan bytes() const {
    return piece.bytes.first(block_bytes(header.payload_bytes));
  }
  [[nodiscard]] bool ends_transaction() const { return (header.flags & kMorePutFlag) == 0; }
  [[nodiscard]] std::byte* payload_end() const {
    return piece.bytes.data() + kBlockHeaderBytes + header.payload_bytes;
  }
  void set_payload_end(const std::byte* end) {
    header.payload_bytes =
        static_cast<std::uint32_t>(end - piece.bytes.data() - std::ptrdiff_t{kBlockHeaderBytes});
  }
};

}  // namespace spillway::wal
