// What is not UTF-8 by the Unicode standard, table 3-7, does not pass for it.
#include "wal/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace spillway {
namespace {

struct Sequence {
  std::string_view bytes;
  std::size_t length;
};

// The first and the last of each row of the table, and their neighbours that are not in it.
constexpr Sequence kSequences[] = {
    {"", 0},
    {std::string_view("\0", 1), 1},
    {"\x7f", 1},
    {"\x80", 0},
    {"\xc1\xbf", 0},
    {"\xc2\x80", 2},
    {"\xdf\xbf", 2},
    {"\xdf\xc0", 0},
    {"\xdf\x7f", 0},
    {"\xc2", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xe0\xa0\x80", 3},
    {"\xec\xbf\xbf", 3},
    {"\xed\x9f\xbf", 3},
    {"\xed\xa0\x80", 0},
    {"\xee\x80\x80", 3},
    {"\xef\xbf\xbf", 3},
    {"\xef\xbf", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xf0\x90\x80\x80", 4},
    {"\xf3\xbf\xbf\xbf", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
    {"\xf0\x90\x80\x41", 0},
};

TEST(Utf8Test, LengthIsThatOfTheTable) {
  for (const Sequence& sequence : kSequences) {
    EXPECT_EQ(utf8_length(sequence.bytes), sequence.length)
        << testing::PrintToString(sequence.bytes);
    const std::string more = std::string(sequence.bytes) + "a";
    if (sequence.length > 0) {
      EXPECT_EQ(utf8_length(more), sequence.length);
    }
  }
}

TEST(Utf8Test, WhatIsEncodedIsValid) {
  for (const std::uint32_t point : {0x24U, 0x7ffU, 0x800U, 0xffffU, 0x10000U, 0x10ffffU}) {
    std::string text;
    append_utf8(point, text);
    EXPECT_EQ(utf8_length(text), text.size()) << point;
  }
}

}  // namespace
}  // namespace spillway
