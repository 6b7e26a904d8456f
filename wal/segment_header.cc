#include "wal/segment_header.h"

#include <algorithm>

#include "wal/base/check.h"
#include "wal/base/hash.h"
#include "wal/key_ring.h"

namespace spillway::wal {
namespace {

constexpr std::size_t kHashedBytes = offsetof(SegmentHeader, hash);

ByteSpan alias_behind(ByteSpan bytes, std::size_t header_at) {
  return bytes.subspan(header_at + kSegmentHeaderBytes, kKeyAliasBytesMax);
}

bool is_intact(const SegmentHeader& header, ByteSpan bytes, std::size_t at) {
  if (header.magic != kSegmentMagic || header.version != kSegmentVersion) return false;
  if (header.hash != xxh3_64(bytes.subspan(at, kHashedBytes), 0)) return false;
  if ((header.incompatible_flags & ~kEncryptedSegmentFlag) != 0 || header.number == 0) return false;
  const bool is_encrypted = (header.incompatible_flags & kEncryptedSegmentFlag) != 0;
  if (is_encrypted != (header.key_id != 0)) return false;
  if (!is_encrypted) return true;
  return at + kSegmentHeaderBytes + kKeyAliasBytesMax <= bytes.size() &&
         header.key_alias_hash == xxh3_64(alias_behind(bytes, at), 0);
}

ByteSpan ranges_behind(ByteSpan bytes, std::size_t header_at) {
  return bytes.subspan(header_at + kReclaimedRangesOffset, kReclaimedRangesBytes);
}

void write_ranges(std::span<const SequenceRange> ranges, MutableByteSpan room) {
  constexpr std::size_t kRangeBytes = 2 * sizeof(std::uint64_t);
  ranges = ranges.first(std::min(ranges.size(), kReclaimedRangesBytes / kRangeBytes));
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    store_le(room.data() + i * kRangeBytes, ranges[i].first.value);
    store_le(room.data() + i * kRangeBytes + sizeof(std::uint64_t), ranges[i].count());
  }
}

struct Copy {
  SegmentHeader header;
  std::size_t at = 0;
};

std::optional<Copy> newest_copy(ByteSpan bytes) {
  std::optional<Copy> newest;
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    const std::size_t at = copy * kBlockAlignBytes;
    if (at + kSegmentHeaderBytes > bytes.size()) break;
    const auto header = load_le<SegmentHeader>(bytes.data() + at);
    if (!is_intact(header, bytes, at)) continue;
    // A lost write may have brought the slot's previous header back in one of them.
    if (!newest || newest->header.number < header.number) newest = Copy{header, at};
  }
  return newest;
}

bool is_discard_mark(const SegmentHeader& header, ByteSpan copy) {
  return header.magic == kDiscardMagic && header.version == kSegmentVersion &&
         header.hash == xxh3_64(copy.first(kHashedBytes), 0);
}

}  // namespace

void encode_segment_header(SegmentHeader header, MutableByteSpan bytes, std::string_view key_alias,
                           std::span<const SequenceRange> reclaimed) {
  CHECK(bytes.size() == kSegmentDataOffset);
  CHECK(key_alias.empty() == (header.key_id == 0));
  CHECK(key_alias.size() <= kKeyAliasBytesMax);
  if (header.key_id != 0) {
    for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
      const ByteSpan alias = as_bytes(key_alias);
      const MutableByteSpan room = bytes.subspan(copy * kBlockAlignBytes + kSegmentHeaderBytes);
      std::copy(alias.begin(), alias.end(), room.begin());
    }
    header.incompatible_flags |= kEncryptedSegmentFlag;
    header.key_alias_hash = xxh3_64(alias_behind(bytes, 0), 0);
  }
  if (!reclaimed.empty()) {
    for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
      write_ranges(reclaimed, bytes.subspan(copy * kBlockAlignBytes + kReclaimedRangesOffset));
    }
    header.reclaimed_hash = xxh3_64(ranges_behind(bytes, 0), 0);
  }
  store_le(bytes.data(), header);
  header.hash = xxh3_64(bytes.first(kHashedBytes), 0);
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    store_le(bytes.data() + copy * kBlockAlignBytes, header);
  }
}

void encode_discard_mark(MutableByteSpan bytes) {
  encode_segment_header({.magic = kDiscardMagic}, bytes);
}

bool has_discard_mark(ByteSpan bytes) {
  if (decode_segment_header(bytes)) return false;
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    const std::size_t at = copy * kBlockAlignBytes;
    if (at + kSegmentHeaderBytes > bytes.size()) break;
    const auto header = load_le<SegmentHeader>(bytes.data() + at);
    if (is_discard_mark(header, bytes.subspan(at))) return true;
  }
  return false;
}

std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes) {
  const std::optional<Copy> newest = newest_copy(bytes);
  if (!newest) return std::nullopt;
  return newest->header;
}

std::string decode_key_alias(ByteSpan bytes) {
  const std::optional<Copy> newest = newest_copy(bytes);
  if (!newest || newest->header.key_id == 0) return {};
  const std::string_view alias = as_text(alias_behind(bytes, newest->at));
  return std::string(alias.substr(0, alias.find('\0')));
}

std::vector<SequenceRange> decode_reclaimed(ByteSpan bytes) {
  std::vector<SequenceRange> reclaimed;
  const std::optional<Copy> newest = newest_copy(bytes);
  if (!newest || newest->header.reclaimed_hash == 0) return reclaimed;
  for (std::size_t at = 0; at + kBlockAlignBytes <= bytes.size(); at += kBlockAlignBytes) {
    const ByteSpan ranges = ranges_behind(bytes, at);
    if (xxh3_64(ranges, 0) != newest->header.reclaimed_hash) continue;
    for (std::size_t i = 0; i < ranges.size(); i += 2 * sizeof(std::uint64_t)) {
      const auto first = load_le<std::uint64_t>(ranges.data() + i);
      const auto count = load_le<std::uint64_t>(ranges.data() + i + sizeof first);
      if (first == 0 || count == 0 || count > UINT64_MAX - first) break;
      reclaimed.push_back({.first = {first}, .end = {first + count}});
    }
    break;
  }
  return reclaimed;
}

}  // namespace spillway::wal
