// Fuzz target: bytes that a command writes or a file holds. Lines come out alike in any pieces,
// hold no line end, and none is longer than allowed.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/line_splitter.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kLineBytesMax = 16;

std::vector<std::string> split(std::string_view text, std::size_t piece_bytes) {
  std::vector<std::string> lines;
  const auto keep = [&lines](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter(kLineBytesMax);
  while (!text.empty()) {
    splitter.feed(text.substr(0, piece_bytes), keep);
    text.remove_prefix(std::min(piece_bytes, text.size()));
  }
  splitter.finish(keep);
  return lines;
}

void check_lines(std::string_view text) {
  const std::vector<std::string> lines = split(text, text.size());
  CHECK(split(text, 1) == lines);
  CHECK(split(text, 5) == lines);
  std::string joined;
  for (const std::string& line : lines) {
    CHECK(line.size() <= kLineBytesMax);
    CHECK(line.find_first_of("\r\n") == std::string::npos);
    joined += line;
  }
  std::string bare(text);
  std::erase_if(bare, [](char c) { return c == '\r' || c == '\n'; });
  CHECK(joined == bare);
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_lines({reinterpret_cast<const char*>(data), size});
  return 0;
}
