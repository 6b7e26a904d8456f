// The commit block: one batch, one durable write. Normative: docs/format.md, "Commit block".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "wal/base/bytes.h"
#include "wal/io/file.h"
#include "wal/position.h"

namespace spillway::wal {

inline constexpr std::uint32_t kBlockMagic = 0x4B4C4253;  // "SBLK"
inline constexpr std::uint16_t kBlockVersion = 1;
inline constexpr std::size_t kBlockHeaderBytes = 64;

// Blocks start and end on this boundary: it is the unit a device writes without read-modify-write.
inline constexpr std::size_t kBlockAlignBytes = io::kBlockBytes;

// A transaction larger than one block is spread over several; all but the last carry kMorePut.
// A block without kMorePut after one with it ends the transaction.
inline constexpr std::uint16_t kMorePutFlag = 1;

// The payload is encrypted and ends with a tag that authenticates it and the header
// (block_cipher.h). All blocks of a segment have this flag, or none.
inline constexpr std::uint16_t kEncryptedFlag = 2;
inline constexpr std::size_t kBlockTagBytes = 16;

inline constexpr std::uint16_t kKnownBlockFlags = kMorePutFlag | kEncryptedFlag;

/// Little-endian on disk, in this order.
struct BlockHeader {
  std::uint32_t magic = kBlockMagic;
  std::uint16_t version = kBlockVersion;
  std::uint16_t flags = 0;
  std::uint64_t segment_nonce = 0;   // a recycled slot's old bytes carry another one
  std::uint64_t lsn = 0;             // the block's own address: unmasks misdirected writes
  std::uint64_t durable_lsn = 0;     // everything below was durable when this block was closed
  std::uint64_t first_sequence = 0;  // of its entries, or of the next entry when it has none
  std::uint32_t payload_bytes = 0;
  std::uint32_t entry_count = 0;
  std::uint64_t previous_hash = 0;  // chain: `hash` of the block (or segment header) before
  std::uint64_t hash = 0;           // xxh3-64 of the 56 bytes above, then the payload
};
static_assert(sizeof(BlockHeader) == kBlockHeaderBytes);
static_assert(offsetof(BlockHeader, hash) == kBlockHeaderBytes - sizeof(std::uint64_t));

/// Bytes a block with this payload takes on disk.
constexpr std::uint64_t block_bytes(std::uint64_t payload_bytes) {
  return align_up(kBlockHeaderBytes + payload_bytes, kBlockAlignBytes);
}

/// Random id of a channel; all its hashes are seeded with it, so that another channel's bytes are
/// never valid here.
using ChannelId = std::array<std::byte, 16>;
std::uint64_t hash_seed(const ChannelId& id);

/// Memory that several blocks share; freed with the last of them. See wal/io/aligned_buffer.h.
using SharedMemory = std::shared_ptr<void>;

/// A whole block in memory: being read by consumers, immutable.
struct Block {
  BlockHeader header;
  ByteSpan payload;  // inside `memory`; decrypted
  SharedMemory memory;
  bool is_locked = false;  // encrypted, and the key is not there: no payload

  [[nodiscard]] Lsn lsn() const { return {header.lsn}; }
  [[nodiscard]] Lsn end_lsn() const { return {header.lsn + block_bytes(header.payload_bytes)}; }
  [[nodiscard]] Sequence first_sequence() const { return {header.first_sequence}; }
  [[nodiscard]] Sequence end_sequence() const {
    return {header.first_sequence + header.entry_count};
  }
};

/// Completes a block in place: `bytes` holds kBlockHeaderBytes of room, then the payload, and has
/// block_bytes(payload) bytes. Writes the header with its hash and zeroes the padding.
void seal_block(MutableByteSpan bytes, BlockHeader& header, std::uint64_t seed);

/// What the bytes at an address turned out to be.
enum class BlockState : std::uint8_t {
  kValid,
  kBlank,    // never written in this incarnation: zeros or another nonce
  kDamaged,  // this incarnation's block, but not whole
};

/// Where a block is expected to be, and in which incarnation.
struct BlockPlace {
  std::uint64_t nonce = 0;
  Lsn lsn;
  std::uint64_t bytes_max = 0;  // up to the end of the segment
  std::uint64_t seed = 0;
  bool is_encrypted = false;  // so is the segment
};

/// Judges the header alone: kValid means that payload_bytes may be relied on to fetch the rest.
/// `bytes` holds at least kBlockHeaderBytes.
BlockState check_block_header(ByteSpan bytes, const BlockPlace& place, BlockHeader& header);

/// Judges a whole block whose header was kValid; `bytes` holds block_bytes(payload_bytes).
bool is_block_intact(ByteSpan bytes, const BlockHeader& header, std::uint64_t seed);

}  // namespace spillway::wal
