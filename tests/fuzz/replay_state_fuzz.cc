// Fuzz target: bytes that may be the state of a replay. Whatever is read out of them is written
// back with what is added, and read again as the same.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/recover/replay_state.h"
#include "tests/fuzz/stored_mutator.h"
#include "tests/support/temp_dir.h"
#include "wal/base/check.h"

namespace spillway::agent::recover {
namespace {

void check_state(std::string_view text) {
  static const test::TempDir directory;
  const std::string path = directory.write("state", text);
  ReplayState state(path, test::kLoneBlockChannel);
  const auto loaded = state.load();
  if (!loaded.has_value()) {
    CHECK(loaded.error().code == Errc::kCorrupt);
    CHECK(state.done().below() == wal::Sequence{1});
    CHECK(state.done().range_count() == 0);
    return;
  }
  CHECK(state.add({.first = {7}, .end = {9}}).has_value());
  ReplayState again(path, test::kLoneBlockChannel);
  CHECK(again.load().has_value());
  CHECK(again.done().below() == state.done().below());
  CHECK(again.done().ranges() == state.done().ranges());
  CHECK(again.done().covers({.first = {7}, .end = {9}}));
}

}  // namespace
}  // namespace spillway::agent::recover

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::recover::check_state({reinterpret_cast<const char*>(data), size});
  return 0;
}
