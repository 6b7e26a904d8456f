// Fuzz target: bytes in a slot of the manifest. Whatever is accepted is free of contradictions, and
// is written and read again as the same.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "checkpoint/manifest.h"
#include "wal/base/check.h"

namespace spillway {
namespace {

using checkpoint::Manifest;

void check_segments(const Manifest& manifest) {
  const wal::Segment* before = nullptr;
  for (const wal::Segment& segment : manifest.segments) {
    CHECK(segment.first_lsn <= segment.end_lsn);
    CHECK(segment.first_sequence <= segment.end_sequence);
    if (before != nullptr) CHECK(before->number < segment.number);
    if (before != nullptr) CHECK(before->end_lsn <= segment.first_lsn);
    if (before != nullptr) CHECK(before->end_sequence <= segment.first_sequence);
    CHECK(segment.offset_of(segment.first_lsn) == wal::kSegmentDataOffset);
    // Addresses of the whole slot exist.
    CHECK(segment.first_lsn < segment.limit_lsn());
    before = &segment;
  }
}

void check_slot(ByteSpan bytes) {
  const auto manifest = checkpoint::decode_manifest(bytes);
  if (!manifest) return;
  check_segments(*manifest);
  CHECK(manifest->acks.below() <= manifest->end.next_sequence);
  for (const wal::SequenceRange& range : manifest->acks.ranges()) {
    CHECK(range.first < range.end);
    CHECK(range.end <= manifest->end.next_sequence);
  }
  std::vector<std::byte> slot(checkpoint::kManifestSlotBytes);
  const auto size = checkpoint::encode_manifest(*manifest, slot);
  if (!size) return;
  const auto again = checkpoint::decode_manifest(slot);
  CHECK(again.has_value());
  CHECK(again->generation == manifest->generation);
  CHECK(again->end.lsn == manifest->end.lsn);
  CHECK(again->acks.below() == manifest->acks.below());
  CHECK(again->acks.ranges() == manifest->acks.ranges());
  CHECK(again->segments.size() == manifest->segments.size());
  CHECK(again->lost_entries == manifest->lost_entries);
  CHECK(again->is_clean == manifest->is_clean);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_slot(std::as_bytes(std::span(data, size)));
  return 0;
}
