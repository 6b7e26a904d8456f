// Whatever bytes a netcat client sends in whatever pieces, lines come out by Flume's rules and
// memory stays bounded.
#include "agent/sources/netcat_lines.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "wal/base/random.h"

namespace spillway::agent {
namespace {

struct Outcome {
  std::vector<std::string> bodies;
  bool is_too_long = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome split(std::string_view text, std::size_t line_chars_max, const Charset& charset,
              std::size_t piece_bytes) {
  Outcome outcome;
  NetcatLines lines(line_chars_max, charset);
  std::string_view body;
  for (std::size_t at = 0; at < text.size() && !outcome.is_too_long; at += piece_bytes) {
    lines.feed(text.substr(at, piece_bytes));
    NetcatLines::Next next = lines.next(body);
    for (; next == NetcatLines::Next::kLine; next = lines.next(body)) {
      outcome.bodies.emplace_back(body);
    }
    lines.settle();
    outcome.is_too_long = next == NetcatLines::Next::kTooLong;
  }
  return outcome;
}

Outcome split_utf8(std::string_view text, std::size_t line_chars_max) {
  return split(text, line_chars_max, Encoding::kUtf8, text.size());
}

TEST(NetcatLinesTest, OnlyNewlineEndsALineAndTheRestIsHeldBack) {
  EXPECT_EQ(split_utf8("a\r\n\nb\rc\nrest", 512), (Outcome{{"a\r", "", "b\rc"}, false}));
}

TEST(NetcatLinesTest, TheLimitIncludesTheNewline) {
  EXPECT_EQ(split_utf8("1234\n", 5), (Outcome{{"1234"}, false}));
  EXPECT_EQ(split_utf8("ok\n12345\n", 5), (Outcome{{"ok"}, true}));
  EXPECT_EQ(split_utf8("12345", 5), (Outcome{{}, true}));
  EXPECT_EQ(split_utf8("1234", 5), (Outcome{{}, false}));
}

TEST(NetcatLinesTest, TheLimitCountsCharactersNotBytes) {
  EXPECT_EQ(split_utf8("\xE2\x82\xAC\xE2\x82\xAC\n", 3),
            (Outcome{{"\xE2\x82\xAC\xE2\x82\xAC"}, false}));
  EXPECT_EQ(split_utf8("\xF0\x9F\x98\x80\n", 2), (Outcome{{}, true}));  // two chars in Java
}

TEST(NetcatLinesTest, OtherCharacterSetsAreConverted) {
  const auto split_as = [](const char* name, std::string_view text, std::size_t chars_max = 512) {
    const Charset charset = Charset::named(name).value();
    const Outcome whole = split(text, chars_max, charset, text.size());
    EXPECT_EQ(split(text, chars_max, charset, 1), whole);
    return whole;
  };
  EXPECT_EQ(split_as("Windows-1252", "\x80\nx\n"), (Outcome{{"\xE2\x82\xAC", "x"}, false}));
  EXPECT_EQ(split_as("gbk", "\xD6\xD0\xCE\xC4\n\xFF\n"),
            (Outcome{{"\xE4\xB8\xAD\xE6\x96\x87", "\xEF\xBF\xBD"}, false}));
  // U+0A61 has the byte of a newline, and is none.
  EXPECT_EQ(split_as("utf-16be", std::string_view("\0a\x0A\x61\0\n\0b\0\n", 10)),
            (Outcome{{"a\xE0\xA9\xA1", "b"}, false}));
  EXPECT_EQ(split_as("utf-16le", std::string_view("a\0\n\0", 4)), (Outcome{{"a"}, false}));
  EXPECT_EQ(split_as("gbk", "\xD6\xD0\xCE\xC4\n", 3).bodies.size(), 1U);
  EXPECT_TRUE(split_as("gbk", "\xD6\xD0\xCE\xC4\n", 2).is_too_long);
  EXPECT_TRUE(split(std::string(100, 'x'), 16, Charset::named("gbk").value(), 1).is_too_long);
}

TEST(NetcatLinesTest, GarbageCannotGrowWithoutEnd) {
  EXPECT_TRUE(split(std::string(100, '\x80'), 16, Encoding::kUtf8, 1).is_too_long);
}

TEST(NetcatLinesTest, BodiesAreUtf8WhateverTheEncoding) {
  EXPECT_EQ(split("\xE9\n", 512, Encoding::kIso88591, 1), (Outcome{{"\xC3\xA9"}, false}));
  EXPECT_EQ(split("\xE9\n", 512, Encoding::kUsAscii, 1), (Outcome{{"\xEF\xBF\xBD"}, false}));
  EXPECT_EQ(split("\xE9\n", 512, Encoding::kUtf8, 1), (Outcome{{"\xEF\xBF\xBD"}, false}));
}

TEST(NetcatLinesTest, PiecesDoNotMatter) {
  Random random(7);
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    const std::size_t size = random.below(60);
    for (std::size_t i = 0; i < size; ++i) {
      text += "ab\n\n\r\xC3\xA9\xE2\x82\xF0\xFF"[random.below(11)];
    }
    const auto encoding = static_cast<Encoding>(random.below(3));
    // Found in one piece, an overlong line is found one line earlier or later in none.
    const Outcome whole = split(text, 9, encoding, text.size() + 1);
    ASSERT_EQ(split(text, 9, encoding, 1 + random.below(7)), whole) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace spillway::agent
