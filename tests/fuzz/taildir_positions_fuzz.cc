// Fuzz target: bytes that may be a taildir position file. Whatever is read out of them is written
// back and read again as the same.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

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

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_positions({reinterpret_cast<const char*>(data), size});
  return 0;
}
