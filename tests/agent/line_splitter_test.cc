// Lines come out the same however the stream was cut into pieces, and memory stays bounded.
#include "agent/line_splitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wal/base/random.h"

namespace spillway::agent {
namespace {

using Lines = std::vector<std::string>;

Lines split(std::string_view text, std::size_t line_bytes_max, std::size_t piece_bytes) {
  Lines lines;
  const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
  LineSplitter splitter(line_bytes_max);
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) {
    splitter.feed(text.substr(at, piece_bytes), keep);
  }
  splitter.finish(keep);
  return lines;
}

TEST(LineSplitterTest, EveryJavaLineEndCounts) {
  const Lines expected{"a", "b", "c", "", "d"};
  for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
    EXPECT_EQ(split("a\nb\r\nc\r\rd", 100, piece), expected) << piece;
  }
}

TEST(LineSplitterTest, EmptyLinesAreLinesAndAnEmptyRestIsNone) {
  EXPECT_EQ(split("\n\n", 100, 1), (Lines{"", ""}));
  EXPECT_EQ(split("", 100, 1), Lines{});
}

TEST(LineSplitterTest, LongLinesBecomeSeveralWithoutCuttingCharacters) {
  EXPECT_EQ(split("abcdefgh\n", 4, 100), (Lines{"abcd", "efgh"}));
  EXPECT_EQ(split("abcdefghi\n", 4, 1), (Lines{"abcd", "efgh", "i"}));
  EXPECT_EQ(split("abc\xC3\xA9\xC3\xA9\n", 4, 100), (Lines{"abc", "\xC3\xA9\xC3\xA9"}));
}

TEST(LineSplitterTest, PiecesDoNotMatter) {
  Random random(20240611);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    const std::size_t size = random.below(200);
    for (std::size_t i = 0; i < size; ++i) text += "ab\n\r\xC3\xA9\xFF"[random.below(7)];
    const Lines whole = split(text, 7, 1000);
    ASSERT_EQ(split(text, 7, 1 + random.below(9)), whole) << testing::PrintToString(text);
    EXPECT_TRUE(std::all_of(whole.begin(), whole.end(),
                            [](const std::string& line) { return line.size() <= 7; }));
  }
}

}  // namespace
}  // namespace spillway::agent
