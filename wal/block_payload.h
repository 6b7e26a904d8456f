// Writes and reads the payload of a commit block: the wire form of wal/record.proto's Payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wal/base/bytes.h"
#include "wal/base/wire.h"
#include "wal/bookmark.h"
#include "wal/position.h"

namespace spillway::wal {

/// Bytes that one put takes in a payload, given the wire form of its entries.
constexpr std::uint64_t put_bytes(std::uint64_t entries_bytes) {
  return wire::field_bytes(entries_bytes);
}

/// An upper bound for one acknowledged range.
inline constexpr std::size_t kAckBytesMax = 2 + 2 * (1 + wire::kVarintBytesMax);

/// Bytes that a bookmark takes.
std::uint64_t bookmark_bytes(BookmarkView bookmark);

/// Writes a Put whose encoded `repeated entry` fields are `entries`; returns the byte behind it.
std::byte* write_put(std::byte* to, ByteSpan entries);

/// Writes a Range; returns the byte behind it.
std::byte* write_ack(std::byte* to, SequenceRange range);

/// Writes a Bookmark; returns the byte behind it.
std::byte* write_bookmark(std::byte* to, BookmarkView bookmark);

/// Walks the records of one intact payload in order.
class PayloadReader {
 public:
  explicit PayloadReader(ByteSpan payload) : reader_(payload) {}

  struct Record {
    enum class Kind : std::uint8_t { kPut, kAck, kBookmark } kind = Kind::kPut;
    ByteSpan entries = {};       // kPut: wire form of its `repeated entry`
    SequenceRange ack = {};      // kAck; never wraps around
    BookmarkView bookmark = {};  // kBookmark; within its limits
  };

  /// nullopt at the end or at malformed bytes; is_valid() tells which.
  std::optional<Record> next();
  [[nodiscard]] bool is_valid() const { return is_valid_ && reader_.is_valid(); }

 private:
  wire::Reader reader_;
  bool is_valid_ = true;
};

/// Walks the entries of one Put.
class EntryReader {
 public:
  EntryReader() : reader_({}) {}
  explicit EntryReader(ByteSpan entries) : reader_(entries) {}

  std::optional<ByteSpan> next();
  [[nodiscard]] bool is_valid() const { return reader_.is_valid(); }

 private:
  wire::Reader reader_;
};

/// Is `payload` well-formed all through, with exactly `entry_count` entries? A block whose hash is
/// right and whose payload is not was written by a program with a bug, or forged.
bool is_payload_valid(ByteSpan payload, std::uint64_t entry_count);

}  // namespace spillway::wal
