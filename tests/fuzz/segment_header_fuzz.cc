// Fuzz target: bytes at the front of a slot file. What is read out of a header is written and read
// again as the same, a mark of deletion is never a segment, and ranges never wrap around.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "wal/base/check.h"
#include "wal/base/hash.h"
#include "wal/key_ring.h"
#include "wal/segment_header.h"

namespace spillway {
namespace {

void check_front(ByteSpan bytes) {
  const auto header = wal::decode_segment_header(bytes);
  const bool is_discarded = wal::has_discard_mark(bytes);
  const std::string alias = wal::decode_key_alias(bytes);
  const std::vector<wal::SequenceRange> reclaimed = wal::decode_reclaimed(bytes);
  CHECK(!(header && is_discarded));
  CHECK(header || alias.empty());
  CHECK(header || reclaimed.empty());
  CHECK(alias.size() <= wal::kKeyAliasBytesMax);
  for (const wal::SequenceRange& range : reclaimed) CHECK(range.first < range.end);
  if (!header) return;
  CHECK(header->number != 0);
  CHECK((header->key_id != 0) == !(header->incompatible_flags == 0));

  std::vector<std::byte> again(wal::kSegmentDataOffset);
  // A name of nothing but zeros reads as none, and cannot be written.
  const std::string name = header->key_id != 0 && alias.empty() ? std::string("x") : alias;
  wal::encode_segment_header(*header, again, name, reclaimed);
  const auto second = wal::decode_segment_header(again);
  CHECK(second.has_value());
  CHECK(second->number == header->number);
  CHECK(second->first_lsn == header->first_lsn);
  CHECK(wal::decode_key_alias(again) == name);
  if (!reclaimed.empty()) CHECK(wal::decode_reclaimed(again) == reclaimed);
}

void check_header(ByteSpan input) {
  check_front(input);
  // The same in the second copy only.
  std::vector<std::byte> late(wal::kSegmentDataOffset);
  const std::size_t kept = std::min(input.size(), wal::kBlockAlignBytes);
  std::copy(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(kept),
            late.begin() + wal::kBlockAlignBytes);
  check_front(late);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_header(std::as_bytes(std::span(data, size)));
  return 0;
}
