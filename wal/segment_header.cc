#include "wal/segment_header.h"

#include "wal/base/check.h"
#include "wal/base/hash.h"

namespace spillway::wal {
namespace {

constexpr std::size_t kHashedBytes = offsetof(SegmentHeader, hash);

}  // namespace

void encode_segment_header(SegmentHeader header, MutableByteSpan bytes) {
  CHECK(bytes.size() == kSegmentDataOffset);
  store_le(bytes.data(), header);
  header.hash = xxh3_64(bytes.first(kHashedBytes), 0);
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    store_le(bytes.data() + copy * kBlockAlignBytes, header);
  }
}

std::optional<SegmentHeader> decode_segment_header(ByteSpan bytes) {
  std::optional<SegmentHeader> newest;
  for (std::size_t copy = 0; copy < kSegmentHeaderCopies; ++copy) {
    const std::size_t at = copy * kBlockAlignBytes;
    if (at + kSegmentHeaderBytes > bytes.size()) break;
    const auto header = load_le<SegmentHeader>(bytes.data() + at);
    if (header.magic != kSegmentMagic || header.version != kSegmentVersion) continue;
    if (header.hash != xxh3_64(bytes.subspan(at, kHashedBytes), 0)) continue;
    if (header.incompatible_flags != 0 || header.number == 0) continue;
    // A lost write may have brought the slot's previous header back in one of them.
    if (!newest || newest->number < header.number) newest = header;
  }
  return newest;
}

}  // namespace spillway::wal
