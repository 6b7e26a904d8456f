// Fuzz target: bytes that may be a tracker file of spooldir, or its list of files set aside.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/sources/set_aside_files.h"
#include "agent/sources/spool_bookmark.h"
#include "agent/sources/spool_tracker.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

void check_tracker(std::string_view bytes) {
  const auto position = parse_spool_position(bytes);
  if (position.has_value()) {
    CHECK(!position.value().path.empty());
    CHECK(position.value().offset_bytes <= INT64_MAX);
  } else {
    CHECK(position.error().code == Errc::kCorrupt);
  }
  const std::string written = format_set_aside(parse_set_aside(bytes));
  CHECK(format_set_aside(parse_set_aside(written)) == written);
  const auto bookmark = parse_spool_bookmark(bytes);
  if (bookmark) CHECK(parse_spool_bookmark(format_spool_bookmark(*bookmark)) == bookmark);
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_tracker({reinterpret_cast<const char*>(data), size});
  return 0;
}
