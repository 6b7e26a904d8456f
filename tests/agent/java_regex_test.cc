// Promise: a Java pattern matches what it matches in Java, or is refused; never something else.

#include "agent/java_regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/regex.h"

namespace spillway::agent {
namespace {

struct Match {
  std::string_view pattern;
  std::string_view text;
  bool is_match = true;  // all of the text
};

const std::vector<Match> kMatches{
    {R"(\u0041\x42\x{43}\0104)", "ABCD"},
    {R"(\uD83D\uDE00)", "\U0001F600"},
    {R"([\u0041-\u0043]+)", "ABC"},
    {R"(\Q[a]*\E+)", "[a]*"},
    {R"(\Q[a]*)", "[a]*"},
    {R"(\p{Lower}\P{Lower}[\p{Upper}\p{Digit}_]+)", "aA_9Z"},
    {R"(\p{Lower})", "\u00e9", false},  // ASCII only, as in Java
    {R"(\p{L}\p{IsAlphabetic}\pL)", "\u00e9\u00e9\u00e9"},
    {R"(\p{IsLatin}\p{script=Greek}\p{sc=Greek}\p{gc=Lu})", "a\u03b1\u03b1A"},
    {R"(\p{Punct}+)", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
    {R"(\d)", "\u0663", false},
    {R"(\w+)", "a_1"},
    {R"(\w)", "\u00e9", false},
    {R"((?i)AbC)", "aBc"},
    {R"((?iu)straSSe)", "STRAsse"},
    {R"((?u)a)", "a"},
    {R"((?x) a b # comment)", "ab"},
    {R"((?x)[a b]+)", "ab"},
    {R"((?x)[a b]+)", "a b", false},  // white space does not count in classes either
    {R"((?s).+)", "a\nb"},
    {R"(.+)", "a\nb", false},
    {R"(.+)", "a\rb", false},
    {R"(.+)", "a\u2028b", false},
    {R"((?m)^b$\s^c$)", "b\nc"},
    {R"((a)(b)\2\1)", "abba"},
    {R"((a)\11)", "aa1"},  // there is no group 11
    {R"((?<x>a)\k<x>)", "aa"},
    {R"((?:a|b)++c)", "abc"},
    {R"((?>a*)a)", "aaa", false},
    {R"((?<=a)b|ab)", "ab"},
    {R"(a(?!b)c)", "ac"},
    {R"([]a]+)", "]a"},
    {R"([^]]+)", "ab"},
    {R"(\R\h\v?)", "\r\n\t"},
    {R"([\w&-]+)", "a&-"},
    {R"([\w-.]+)", "a-.b"},  // a hyphen that can be no range is a letter
    {R"([\d-:]+)", "1-:"},
    {R"([a-z-\d]+)", "b-1"},
    {R"([а-я-\d]+)", "б-1"},
    {R"([\p{L}-_]+)", "a-_"},
    {R"([\w-.]+)", "a,b", false},
    {R"([+--]+)", "+,-"},
    {R"([^\s-,]+)", "ab"},
    {R"(это \bошибка\b диска)", "это ошибка диска"},
    {R"(é\Bid=)", "éid="},
    {R"(a\b-\b_1)", "a-_1"},
    {R"(\bé\bé)", "éé", false},
    {R"(\<\>\-\/\_)", "<>-/_"},
    {R"(\cA\e\a\f\t)", "\x01\x1B\x07\f\t"},
    {R"(a{2,3}?)", "aaa"},
};

TEST(JavaRegexTest, MatchesWhatJavaMatches) {
  for (const Match& match : kMatches) {
    const auto regex = Regex::compile(match.pattern);
    ASSERT_TRUE(regex.has_value())
        << match.pattern << ": " << Regex::refuse(match.pattern).value_or("");
    EXPECT_EQ(regex.value().matches_all(match.text), match.is_match)
        << match.pattern << " on " << match.text;
    EXPECT_EQ(Regex::refuse(match.pattern), std::nullopt);
  }
}

TEST(JavaRegexTest, RefusesWhatPcre2WouldUnderstandDifferently) {
  for (const std::string_view pattern :
       {"[a-z&&[^b]]", "[a[b]]", "[[:alpha:]]", "(?U)a", "(?d)a", R"(\p{InGreek})",
        R"(\p{javaLowerCase})", R"(\p{block=Greek})"}) {
    const auto translated = translate_java_regex(pattern);
    ASSERT_FALSE(translated.has_value()) << pattern;
    EXPECT_EQ(translated.error().code, Errc::kUnsupported) << pattern;
  }
}

TEST(JavaRegexTest, RefusesWhatJavaRefuses) {
  for (const std::string_view pattern : {"(",
                                         "a)",
                                         "[a",
                                         "*a",
                                         "(?P<n>a)",
                                         "(?R)",
                                         "(?1)",
                                         "(?|a)",
                                         "(?#c)",
                                         "(*UTF)a",
                                         R"(\K)",
                                         R"(\C)",
                                         R"(\g{1})",
                                         R"(\L)",
                                         R"(\u12)",
                                         R"(\uD83D)",
                                         R"(\x1)",
                                         R"(\x{})",
                                         R"(\0)",
                                         R"(\08)",
                                         R"(\p{)",
                                         R"(\p{Nonsense})",
                                         R"([\b])",
                                         R"([\1])",
                                         "\\",
                                         R"((?<1a>b))",
                                         R"(\k{a})",
                                         R"((?i)",
                                         R"(\N{DIGIT ONE})",
                                         R"((a)\2)",
                                         "a{2,1}"}) {
    EXPECT_FALSE(Regex::compile(pattern).has_value()) << pattern;
    EXPECT_NE(Regex::refuse(pattern), std::nullopt) << pattern;
  }
}

TEST(JavaRegexTest, AReasonSaysWhereAndWhat) {
  EXPECT_EQ(Regex::refuse("ab[c[d]]"),
            "the regular expression has what cannot be translated from Java at offset 4: a "
            "character class inside a character class");
  EXPECT_THAT(Regex::refuse("ab(c").value_or(""),
              testing::StartsWith("the regular expression is wrong at offset 4: "));
}

TEST(RegexTest, FindGivesGroupsAndGoesOnBehindAMatch) {
  const auto compiled = Regex::compile("(?<k>\\w)=(\\d)?");
  ASSERT_TRUE(compiled.has_value());
  const Regex& regex = compiled.value();
  EXPECT_EQ(regex.group_count(), 2U);
  EXPECT_EQ(regex.group_named("k"), 1U);
  EXPECT_EQ(regex.group_named("j"), std::nullopt);
  const std::string_view text = "x a=1 b=";
  Regex::Match match;
  ASSERT_EQ(regex.find(text, 0, match), Regex::Found::kMatch);
  EXPECT_EQ(match.begin(), 2U);
  EXPECT_EQ(match.group(1), "a");
  EXPECT_EQ(match.group(2), "1");
  ASSERT_EQ(regex.find(text, match.end(), match), Regex::Found::kMatch);
  EXPECT_EQ(match.group(1), "b");
  EXPECT_EQ(match.group(2), std::nullopt);
  EXPECT_EQ(match.group(3), std::nullopt);
  EXPECT_EQ(regex.find(text, match.end(), match), Regex::Found::kNone);
}

TEST(RegexTest, GivesUpInsteadOfTakingForEver) {
  const auto regex = Regex::compile("(a|aa|aaa)+$");
  ASSERT_TRUE(regex.has_value());
  Regex::Match match;
  EXPECT_EQ(regex.value().find(std::string(5000, 'a') + "b", 0, match), Regex::Found::kGaveUp);
}

}  // namespace
}  // namespace spillway::agent
