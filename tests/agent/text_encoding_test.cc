// What leaves the decoder is valid UTF-8, and what it replaces it replaces as Java does.
#include "agent/text_encoding.h"

#include <gtest/gtest.h>

namespace spillway::agent {
namespace {

std::string decoded(std::string_view bytes, Encoding encoding) {
  std::string out;
  append_as_utf8(bytes, encoding, out);
  return out;
}

TEST(TextEncodingTest, ValidUtf8PassesUnchanged) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  EXPECT_EQ(decoded(text, Encoding::kUtf8), text);
}

TEST(TextEncodingTest, MalformedUtf8BecomesReplacementCharacters) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(decoded("a\xFFz", Encoding::kUtf8), "a" + r + "z");
  EXPECT_EQ(decoded("\xC0\x80", Encoding::kUtf8), r + r);          // overlong
  EXPECT_EQ(decoded("\xED\xA0\x80", Encoding::kUtf8), r + r + r);  // surrogate
  EXPECT_EQ(decoded("\xE2\x82z", Encoding::kUtf8), r + "z");       // cut short
  EXPECT_EQ(decoded("\xF0\x9F", Encoding::kUtf8), r);              // cut short at the end
}

TEST(TextEncodingTest, SingleByteCharsetsAreConverted) {
  EXPECT_EQ(decoded("\xE9t\xE9", encoding_named("iso-8859-1")), "\xC3\xA9t\xC3\xA9");
  EXPECT_EQ(decoded("\xE9t", encoding_named("us-ascii")), "\xEF\xBF\xBDt");
}

TEST(TextEncodingTest, CharactersAreCountedAsJavaDoes) {
  EXPECT_EQ(count_chars("a\xC3\xA9\xE2\x82\xAC", Encoding::kUtf8), 3U);
  EXPECT_EQ(count_chars("\xF0\x9F\x98\x80", Encoding::kUtf8), 2U);  // a surrogate pair
  EXPECT_EQ(count_chars("a\xC3\xA9", Encoding::kIso88591), 3U);
}

TEST(TextEncodingTest, PrefixNeverEndsInsideACharacter) {
  EXPECT_EQ(utf8_prefix("abcd", 4), "abcd");
  EXPECT_EQ(utf8_prefix("abc\xC3\xA9", 4), "abc");
  EXPECT_EQ(utf8_prefix("ab\xC3\xA9z", 4), "ab\xC3\xA9");
  EXPECT_EQ(utf8_prefix("a\xF0\x9F\x98\x80", 4), "a");
  EXPECT_EQ(utf8_prefix("\x80\x80\x80\x80\x80", 4), "\x80\x80\x80\x80");
}

}  // namespace
}  // namespace spillway::agent
