// Fuzz target: bytes that may be the journal of a repair. Whatever is read out of them names
// directories, is written and read again as the same, and never makes a repair leave its directory.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/recover/repair_journal.h"
#include "channel/repair_mark.h"
#include "tests/support/temp_dir.h"
#include "wal/base/check.h"

namespace spillway::agent::recover {
namespace {

void check_journal(std::string_view text) {
  static const test::TempDir directory;
  const std::string path = directory.path().string();
  // The corpus cannot know the directory's name.
  std::string named(text);
  for (std::size_t at = 0; (at = named.find('@', at)) != std::string::npos; at += path.size()) {
    named.replace(at, 1, path);
  }
  directory.write(channel::kRepairMarkName, named);
  const auto journal = read_repair_journal(path);
  static_cast<void>(is_under_repair(path, path));
  if (!journal.has_value()) {
    CHECK(journal.error().code == Errc::kCorrupt);
    return;
  }
  CHECK(!journal.value().directories.empty());
  CHECK(journal.value().aside_name.starts_with(kAsidePrefix));
  CHECK(journal.value().aside_name.find('/') == std::string::npos);
  CHECK(write_repair_journal(journal.value()).has_value());
  const auto again = read_repair_journal(path);
  CHECK(again.has_value());
  CHECK(again.value().phase == journal.value().phase);
  CHECK(again.value().aside_name == journal.value().aside_name);
  CHECK(again.value().directories == journal.value().directories);
}

}  // namespace
}  // namespace spillway::agent::recover

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::recover::check_journal({reinterpret_cast<const char*>(data), size});
  return 0;
}
