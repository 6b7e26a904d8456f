// Fuzz target: bytes that may be a taildir position file, or a taildir source's bookmark. Whatever
// is read out of them is written back and read again as the same.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "agent/sources/tail_checkpoint.h"
#include "agent/sources/tail_positions.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

void check_positions(std::string_view text) {
  std::vector<TailPosition> positions = parse_tail_positions(text).positions;
  parse_tail_heads(text, positions);
  for (const TailPosition& position : positions) {
    CHECK(position.head.size_bytes <= TailHead::kBytesMax);
  }
  const std::string written = format_tail_positions(positions);
  const ParsedPositions again = parse_tail_positions(written);
  CHECK(again.is_complete);
  CHECK(again.positions.size() == positions.size());
  CHECK(format_tail_positions(again.positions) == written);
}

void check_bookmark(std::string_view text) {
  const auto bookmark = parse_tail_bookmark(text);
  if (!bookmark) return;
  const auto again = parse_tail_bookmark(format_tail_bookmark(*bookmark));
  CHECK(again && again->positions_hash == bookmark->positions_hash);
  CHECK(again->positions == bookmark->positions);
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  spillway::agent::check_positions(text);
  spillway::agent::check_bookmark(text);
  return 0;
}
