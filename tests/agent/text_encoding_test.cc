// What leaves the decoder is valid UTF-8, and what it replaces it replaces as Java does.
#include "agent/text_encoding.h"

#include <gtest/gtest.h>

#include <string>

#include "agent/charset.h"
#include "agent/option_value.h"
#include "agent/text_decoder.h"

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

TEST(CharsetTest, EveryListedSetIsKnownAndGoesBothWays) {
  for (const std::string_view name : split_choices(kCharsetChoices)) {
    const auto charset = Charset::named(name);
    ASSERT_TRUE(charset.has_value()) << name;
    std::string bytes;
    std::string text;
    charset.value().append_encoded("a1\n", bytes);
    EXPECT_TRUE(charset.value().decodes(bytes)) << name;
    charset.value().append_as_utf8(bytes, text);
    EXPECT_EQ(text, "a1\n") << name;
    EXPECT_EQ(bytes.size(), 3 * charset.value().newline_bytes()) << name;
  }
  EXPECT_EQ(Charset::named("klingon").error().code, Errc::kBadConfig);
}

TEST(CharsetTest, WhatIsNoTextIsReplacedAndWhatASetLacksIsAQuestionMark) {
  const Charset koi = Charset::named("KOI8-R").value();
  const Charset gbk = Charset::named("gbk").value();
  std::string out;
  koi.append_encoded("\xD0\x9F\xE2\x82\xAC", out);
  EXPECT_EQ(out, "\xF0?");
  EXPECT_FALSE(gbk.decodes("a\xFF"));
  out.clear();
  gbk.append_as_utf8("a\xFF", out);
  EXPECT_EQ(out, "a\xEF\xBF\xBD");
  EXPECT_FALSE(gbk.plain().has_value());
  EXPECT_EQ(Charset::named("latin1").value().plain(), Encoding::kIso88591);
}

}  // namespace
}  // namespace spillway::agent
