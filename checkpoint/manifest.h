// The manifest: what recovery needs to know so that it replays only the tail of the log.
// Normative: docs/format.md, "Manifest".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "checkpoint/ack_state.h"
#include "wal/base/bytes.h"
#include "wal/block.h"
#include "wal/bookmark.h"
#include "wal/position.h"
#include "wal/segment.h"
#include "wal/segment_writer.h"

namespace spillway::checkpoint {

inline constexpr std::uint32_t kManifestMagic = 0x4E414D53;  // "SMAN"
inline constexpr std::uint16_t kManifestVersion = 1;
inline constexpr std::size_t kManifestHeaderBytes = 64;

// It lists an encrypted segment: whoever does not know what that is would take it for damaged.
inline constexpr std::uint16_t kEncryptedManifestFlag = 1;

// One of the two slots. About 45 bytes per segment: room for 20 000 segments, 1.3 TB of backlog
// at the default segment size.
inline constexpr std::size_t kManifestSlotBytes = std::size_t{1} << 20U;

// What one more segment adds at most: nine fields with their tags, the row's tag and length.
inline constexpr std::size_t kManifestRowBytesMax = 6 * 11 + 6 + 2 * 9 + 2;
inline constexpr std::size_t kManifestSlotCount = 2;

/// Little-endian on disk, in this order.
struct ManifestHeader {
  std::uint32_t magic = kManifestMagic;
  std::uint16_t version = kManifestVersion;
  std::uint16_t incompatible_flags = 0;
  std::uint64_t generation = 0;  // the valid slot with the higher one holds
  std::uint32_t payload_bytes = 0;
  std::uint32_t reserved = 0;
  wal::ChannelId channel_id{};
  std::uint64_t reserved2 = 0;
  std::uint64_t reserved3 = 0;
  std::uint64_t hash = 0;  // xxh3-64 of the 56 bytes above, then the payload; seed 0
};
static_assert(sizeof(ManifestHeader) == kManifestHeaderBytes);
static_assert(offsetof(ManifestHeader, hash) == kManifestHeaderBytes - sizeof(std::uint64_t));

struct Manifest {
  std::uint64_t generation = 0;
  wal::ChannelId channel_id{};
  wal::LogEnd end;  // durable, between two transactions
  bool is_clean = false;
  AckState acks;
  wal::Lsn read_lsn;  // of a block whose entries start at or before acks.below()
  wal::Sequence read_sequence{1};
  std::vector<wal::Segment> segments;
  std::uint64_t lost_entries = 0;
  wal::Bookmarks bookmarks;  // at `end`
};

/// Encodes into `slot` (kManifestSlotBytes) and returns how many bytes, block-aligned, are to be
/// written; nullopt when there are too many segments for a slot.
std::optional<std::size_t> encode_manifest(const Manifest& manifest, MutableByteSpan slot);

/// nullopt when the slot does not hold an intact manifest.
std::optional<Manifest> decode_manifest(ByteSpan slot);

}  // namespace spillway::checkpoint
