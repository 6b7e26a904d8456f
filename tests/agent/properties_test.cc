// Promise: every file java.util.Properties reads is read with the same keys and values; what it
// refuses, and what no configuration needs, is refused with its line.
#include "agent/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spillway::agent {
namespace {

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct Parsed {
  Pairs pairs;
  std::vector<std::string> problems;
};

Parsed parse(std::string_view text, const PropertiesLimits& limits = {}) {
  std::vector<ConfigProblem> problems;
  Parsed parsed;
  for (const Property& property : parse_properties(text, "f", problems, limits)) {
    parsed.pairs.emplace_back(property.key, property.value);
  }
  for (const ConfigProblem& problem : problems) parsed.problems.push_back(to_string(problem));
  return parsed;
}

struct GrammarCase {
  const char* name;
  std::string text;
  Pairs pairs;
};

void PrintTo(const GrammarCase& grammar_case, std::ostream* out) {
  *out << grammar_case.name;
}

// Expected values agree with java.util.Properties.load of OpenJDK 17, except where noted.
const GrammarCase kGrammarCases[] = {
    {"Empty", "", {}},
    {"EqualsSign", "a=b", {{"a", "b"}}},
    {"Colon", "a:b", {{"a", "b"}}},
    {"WhiteSpaceSeparates", "a b c", {{"a", "b c"}}},
    {"TabAndFormFeedSeparate", "a\t\fb", {{"a", "b"}}},
    {"BlanksAroundSeparator", "  a  =  b", {{"a", "b"}}},
    {"OnlyOneSeparatorIsEaten", "a = = b", {{"a", "= b"}}},
    {"ColonBehindEqualsIsValue", "a=:b", {{"a", ":b"}}},
    {"SeparatorsInsideValue", "a=b=c:d", {{"a", "b=c:d"}}},
    {"KeyOnly", "a", {{"a", ""}}},
    {"KeyAndSeparatorOnly", "a=", {{"a", ""}}},
    {"EmptyKey", "=b", {{"", "b"}}},
    {"TrailingBlanksAreKept", "a=b \t", {{"a", "b \t"}}},
    {"NumberSignComment", "# a=b\nc=d", {{"c", "d"}}},
    {"ExclamationComment", "  ! a=b\nc=d", {{"c", "d"}}},
    {"CommentSignInsideValue", "a=b # c ! d", {{"a", "b # c ! d"}}},
    {"CommentIsNotContinued", "# a \\\nc=d", {{"c", "d"}}},
    {"BlankLines", "\n \t\n\f\na=b\n\n", {{"a", "b"}}},
    {"CarriageReturns", "a=b\rc=d\r\ne=f", {{"a", "b"}, {"c", "d"}, {"e", "f"}}},
    {"OrderAndDuplicatesAreKept", "b=1\na=2\nb=3", {{"b", "1"}, {"a", "2"}, {"b", "3"}}},
    {"Continuation", "a=b,\\\n   c", {{"a", "b,c"}}},
    {"ContinuationWithCrLf", "a=b\\\r\n\tc\r\nd=e", {{"a", "bc"}, {"d", "e"}}},
    {"ContinuationInsideKey", "a\\\n  b=c", {{"ab", "c"}}},
    {"ContinuationBeforeSeparator", "a\\\n  =c", {{"a", "c"}}},
    {"ContinuedCommentSignIsText", "a=b\\\n#c", {{"a", "b#c"}}},
    {"ContinuationEndsAtBlankLine", "a=b\\\n\nc=d", {{"a", "b"}, {"c", "d"}}},
    {"ContinuationEndsAtLineOfBlanks", "a=b\\\n  \nc=d", {{"a", "b"}, {"c", "d"}}},
    {"ContinuationAtEndOfFile", "a=b\\", {{"a", "b"}}},
    {"ContinuationAtLastNewline", "a=b\\\n", {{"a", "b"}}},
    {"LoneBackslashThenComment", "\\\n# a=b\nc=d", {{"c", "d"}}},
    {"LoneBackslashThenText", "\\\n a=b", {{"a", "b"}}},
    {"LoneBackslashThenBlank", "\\\n\n# a=b\nc=d", {{"c", "d"}}},
    {"LoneBackslashAtEnd", "\\\n", {}},  // Java adds an empty key
    {"EvenBackslashesDoNotContinue", "a=b\\\\\nc=d", {{"a", "b\\"}, {"c", "d"}}},
    {"OddBackslashesContinue", "a=b\\\\\\\nc=d", {{"a", "b\\c=d"}}},
    {"EscapedSeparatorsInKey", "a\\=\\:\\ b=c", {{"a=: b", "c"}}},
    {"EscapedBackslashBeforeSeparator", "a\\\\=b", {{"a\\", "b"}}},
    {"EscapedCommentSign", "\\#a=b\n\\!c=d", {{"#a", "b"}, {"!c", "d"}}},
    {"LeadingBlankOfValueEscaped", "a=\\  b", {{"a", "  b"}}},
    {"ControlEscapes", "a=\\t\\n\\r\\f", {{"a", "\t\n\r\f"}}},
    {"OtherEscapesDropTheBackslash", "a=\\q\\\"\\b\\0", {{"a", "q\"b0"}}},
    {"WindowsPathLosesBackslashes", "a=C:\\logs\\app", {{"a", "C:logsapp"}}},
    {"UnicodeAscii", "\\u0061=\\u0041\\u005a", {{"a", "AZ"}}},
    {"UnicodeTwoAndThreeBytes", "a=\\u00e9\\u20AC", {{"a", "é€"}}},
    {"UnicodeSurrogatePair", "a=\\ud83d\\uDE00", {{"a", "😀"}}},
    {"UnicodeSeparatorIsText", "a\\u003db=c", {{"a=b", "c"}}},
    {"UnicodeOverContinuation", "a=\\u00\\\n   41", {{"a", "A"}}},
    {"EscapedBackslashBeforeU", "a=\\\\u0041", {{"a", "\\u0041"}}},
    {"Utf8IsKept", "ключ=значение €", {{"ключ", "значение €"}}},
    {"Latin1BecomesUtf8", "a=caf\xe9 \xfc", {{"a", "café ü"}}},
    {"OverlongUtf8IsLatin1", "a=\xc0\xaf", {{"a", "À¯"}}},
    {"EncodedSurrogateIsLatin1", "a=\xed\xa0\x80", {{"a", "í\xc2\xa0\xc2\x80"}}},
    {"BackslashBeforeNonAscii", "a=\\é", {{"a", "é"}}},
    {"ByteOrderMarkIsSkipped", "\xef\xbb\xbf"s + "a=b", {{"a", "b"}}},
};

class PropertiesGrammarTest : public ::testing::TestWithParam<GrammarCase> {};

TEST_P(PropertiesGrammarTest, ReadsWhatJavaReads) {
  const Parsed parsed = parse(GetParam().text);
  EXPECT_EQ(parsed.pairs, GetParam().pairs);
  EXPECT_THAT(parsed.problems, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Table, PropertiesGrammarTest, ::testing::ValuesIn(kGrammarCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(PropertiesTest, AProblemNamesItsLineAndTheRestIsRead) {
  const Parsed parsed = parse(
      "a=1\n"
      "b=\\u12g4\n"
      "c=x\\\n"
      "  y\\u12\n"
      "d\\u00=1\n"
      "e=\\ud83d!\n"
      "f=\\ude00\n"
      "g=\\u0000\n"
      "h=i\0j\n"
      "k=2\n"s);
  EXPECT_EQ(parsed.pairs, (Pairs{{"a", "1"}, {"k", "2"}}));
  EXPECT_THAT(
      parsed.problems,
      ElementsAre("f:2: b: the value contains \\u without four hexadecimal digits",
                  "f:4: c: the value contains \\u without four hexadecimal digits",
                  "f:5: the key contains \\u without four hexadecimal digits",
                  "f:6: e: the value contains half of a \\u surrogate pair",
                  "f:7: f: the value contains half of a \\u surrogate pair",
                  "f:8: g: the value contains \\u0000", "f:9: h: the value contains a NUL byte"));
}

TEST(PropertiesTest, AContinuedPropertyIsPlacedAtItsFirstLine) {
  std::vector<ConfigProblem> problems;
  const auto properties = parse_properties("\n# c\r\na=1\\\n\\\n  2\nb=3", "dir/f", problems);
  ASSERT_EQ(properties.size(), 2U);
  EXPECT_EQ(properties[0].value, "12");
  EXPECT_EQ(properties[0].origin.file, "dir/f");
  EXPECT_EQ(properties[0].origin.line, 3U);
  EXPECT_EQ(properties[1].origin.line, 6U);
}

TEST(PropertiesTest, LimitsAreRefusedByName) {
  EXPECT_THAT(parse("a=1", {.file_bytes_max = 2}).problems,
              ElementsAre("f: is larger than 2 bytes"));
  const Parsed long_line = parse("a=1\nb=2\\\n345\nc=3", {.line_bytes_max = 5});
  EXPECT_EQ(long_line.pairs, (Pairs{{"a", "1"}}));
  EXPECT_THAT(
      long_line.problems,
      ElementsAre("f:2: a line, with its continuations, is longer than 5 bytes; the rest of "
                  "the file was not read"));
  const Parsed many_keys = parse("a=1\nb=2\nc=3", {.keys_max = 2});
  EXPECT_EQ(many_keys.pairs.size(), 2U);
  EXPECT_THAT(many_keys.problems,
              ElementsAre("f:3: more than 2 keys; the rest of the file was not read"));
  const Parsed many_problems = parse("a=\\u\nb=\\u\nc=\\u\nd=1", {.problems_max = 2});
  ASSERT_EQ(many_problems.problems.size(), 3U);
  EXPECT_EQ(many_problems.problems[2], "f:2: too many problems; the rest of the file was not read");
  EXPECT_THAT(many_problems.pairs, IsEmpty());
}

TEST(PropertiesTest, AFileThatCannotBeReadIsOneProblem) {
  std::vector<ConfigProblem> problems;
  EXPECT_THAT(read_properties_file("/nonexistent/a.conf", problems), IsEmpty());
  EXPECT_THAT(read_properties_file("/", problems), IsEmpty());
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(to_string(problems[0]),
            "/nonexistent/a.conf: cannot read the file: No such file or directory");
  EXPECT_EQ(to_string(problems[1]), "/: cannot read the file: Is a directory");
}

TEST(PropertiesTest, AnEndlessFileIsRefusedAtTheLimit) {
  std::vector<ConfigProblem> problems;
  EXPECT_THAT(read_properties_file("/dev/zero", problems), IsEmpty());
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(to_string(problems[0]), "/dev/zero: is larger than 16777216 bytes");
}

}  // namespace
}  // namespace spillway::agent
