// Promise: a value that is not plainly right is refused with its place and a sentence that says
// what to write, every problem at once; a value that is right reads back in the option's unit.
#include "agent/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <string>
#include <vector>

namespace spillway::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::array kOptions{
    OptionSpec{.name = "host", .help = "Required text.", .is_required = true},
    OptionSpec{
        .name = "directory", .type = OptionType::kPath, .default_value = "/tmp", .help = "Path."},
    OptionSpec{.name = "size",
               .type = OptionType::kBytes,
               .default_value = "64KiB",
               .help = "Bytes.",
               .min = 1024,
               .max = 1U << 30U},
    OptionSpec{.name = "interval",
               .type = OptionType::kMillis,
               .default_value = "3000",
               .help = "Milliseconds.",
               .min = 10,
               .max = 600'000},
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "Seconds.",
               .min = 1,
               .max = 60},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Count.",
               .min = 1},
    OptionSpec{
        .name = "enabled", .type = OptionType::kBool, .default_value = "false", .help = "Boolean."},
    OptionSpec{.name = "order",
               .type = OptionType::kEnum,
               .default_value = "Oldest",
               .help = "Choice.",
               .choices = "Oldest|youngest|random"},
    OptionSpec{.name = "names", .type = OptionType::kList, .default_value = "a b", .help = "List."},
    OptionSpec{.name = "suffix", .help = "Text, empty by default."},
    OptionSpec{.name = "groups.*", .type = OptionType::kPath, .help = "A path for each group."},
    OptionSpec{.name = "threads",
               .type = OptionType::kCount,
               .default_value = "0",
               .help = "Ignored.",
               .notice = "threads are chosen by the runtime"},
};

struct Validated {
  Config config;
  std::vector<std::string> problems;
  bool has_errors = false;
};

// Values are in line 1, 2, … of "f", in the order of their names.
Validated validate(const std::map<std::string, std::string>& given) {
  Config::Values values;
  std::uint32_t line = 0;
  for (const auto& [name, text] : given) values.emplace(name, Config::Value{text, {"f", ++line}});
  std::vector<ConfigProblem> problems;
  Validated validated;
  validated.config =
      Config::validate(kOptions, std::move(values), "a1.sinks.k1.", {"f", 99}, problems);
  validated.has_errors = has_errors(problems);
  for (const ConfigProblem& problem : problems) validated.problems.push_back(to_string(problem));
  return validated;
}

TEST(ConfigTest, DefaultsFillWhatWasNotGiven) {
  const Validated validated = validate({{"host", "h"}});
  EXPECT_THAT(validated.problems, IsEmpty());
  const Config& config = validated.config;
  EXPECT_EQ(config.string("host"), "h");
  EXPECT_EQ(config.string("directory"), "/tmp");
  EXPECT_EQ(config.bytes("size"), 65536U);
  EXPECT_EQ(config.millis("interval"), 3000U);
  EXPECT_EQ(config.millis("keep-alive"), 3000U);
  EXPECT_EQ(config.count("batchSize"), 100U);
  EXPECT_FALSE(config.boolean("enabled"));
  EXPECT_EQ(config.string("order"), "oldest");
  EXPECT_THAT(config.list("names"), ElementsAre("a", "b"));
  EXPECT_TRUE(config.is_given("host"));
  EXPECT_FALSE(config.is_given("size"));
  EXPECT_EQ(config.origin("host").line, 1U);
  EXPECT_EQ(config.origin("size").line, 0U);
}

TEST(ConfigTest, NumbersHaveHumanUnits) {
  const auto bytes = [](const char* text) {
    return Config::of(kOptions, {{"host", "h"}, {"size", text}}).bytes("size");
  };
  EXPECT_EQ(bytes("2048"), 2048U);
  EXPECT_EQ(bytes("2048B"), 2048U);
  EXPECT_EQ(bytes("2KiB"), 2048U);
  EXPECT_EQ(bytes("16 MiB"), 16U << 20U);
  EXPECT_EQ(bytes("1GiB"), 1U << 30U);
  const auto millis = [](const char* name, const char* text) {
    return Config::of(kOptions, {{"host", "h"}, {name, text}}).millis(name);
  };
  EXPECT_EQ(millis("interval", "250"), 250U);
  EXPECT_EQ(millis("interval", "250ms"), 250U);
  EXPECT_EQ(millis("interval", "3s"), 3000U);
  EXPECT_EQ(millis("interval", "5min"), 300'000U);
  EXPECT_EQ(millis("keep-alive", "5"), 5000U);
  EXPECT_EQ(millis("keep-alive", "1500ms"), 1500U);
}

TEST(ConfigTest, BooleansAndChoicesIgnoreCase) {
  const Config config =
      Config::of(kOptions, {{"host", "h"}, {"enabled", "TRUE"}, {"order", "Youngest"}});
  EXPECT_TRUE(config.boolean("enabled"));
  EXPECT_EQ(config.string("order"), "youngest");
}

TEST(ConfigTest, ListsSplitOnAnyWhiteSpace) {
  EXPECT_THAT(Config::of(kOptions, {{"host", "h"}, {"names", " x\ty   z "}}).list("names"),
              ElementsAre("x", "y", "z"));
}

TEST(ConfigTest, AWildcardTakesEveryKeyBelow) {
  const Config config = Config::of(
      kOptions, {{"host", "h"}, {"groups.b", "/b"}, {"groups.a", "/a"}, {"groups.c.d", "/cd"}});
  EXPECT_THAT(config.below("groups."),
              ElementsAre(Pair("a", "/a"), Pair("b", "/b"), Pair("c.d", "/cd")));
  EXPECT_EQ(config.string("groups.a"), "/a");
  EXPECT_THAT(Config::of(kOptions, {{"host", "h"}}).below("groups."), IsEmpty());
  EXPECT_THAT(validate({{"groups.", "x"}, {"host", "h"}}).problems,
              ElementsAre("f:1: a1.sinks.k1.groups.: unknown option"));
}

TEST(ConfigTest, EveryMistakeIsReportedAtOnce) {
  const Validated validated = validate({{"batchSize", "ten"},
                                        {"batchsize", "10"},
                                        {"enabled", "yes"},
                                        {"interval", "3 parsecs"},
                                        {"order", "youngst"},
                                        {"size", "64k"},
                                        {"zzz", "1"}});
  EXPECT_TRUE(validated.has_errors);
  EXPECT_THAT(
      validated.problems,
      ElementsAre(
          "f:1: a1.sinks.k1.batchSize: \"ten\" is not a whole number",
          "f:2: a1.sinks.k1.batchsize: unknown option; did you mean \"batchSize\"?",
          "f:3: a1.sinks.k1.enabled: \"yes\" is not a boolean: write true or false",
          "f:4: a1.sinks.k1.interval: \"3 parsecs\" is not a duration: write a number of "
          "milliseconds, or 250ms, 3s, 5min",
          "f:5: a1.sinks.k1.order: \"youngst\" is not one of Oldest, youngest, random; did you "
          "mean \"youngest\"?",
          "f:6: a1.sinks.k1.size: \"64k\" is not a size: write a number of bytes, or 64KiB, "
          "16MiB, 1GiB",
          "f:7: a1.sinks.k1.zzz: unknown option",
          "f:99: a1.sinks.k1.host: required option is missing"));
}

struct RefusedCase {
  std::string option;
  std::string text;
  std::string reason;
};

void PrintTo(const RefusedCase& refused, std::ostream* out) {
  *out << refused.option << "=" << refused.text;
}

const RefusedCase kRefused[] = {
    {"batchSize", "0", "0 is below the minimum of 1"},
    {"batchSize", "-1", "\"-1\" is not a whole number"},
    {"batchSize", "+1", "\"+1\" is not a whole number"},
    {"batchSize", "1.5", "\"1.5\" is not a whole number"},
    {"batchSize", "1 2", "\"1 2\" is not a whole number"},
    {"batchSize", "10k", "\"10k\" is not a whole number"},
    {"batchSize", "99999999999999999999", "\"99999999999999999999\" is too large"},
    {"batchSize", "", "has no value; write one, or remove the key for the default"},
    {"host", "", "has no value"},
    {"size", "1023", "1023 is below the minimum of 1024 bytes"},
    {"size", "2GiB", "2GiB is above the maximum of 1073741824 bytes"},
    {"size", "KiB", "\"KiB\" is not a size: write a number of bytes, or 64KiB, 16MiB, 1GiB"},
    {"size", "99999999999TiB",
     "\"99999999999TiB\" is not a size: write a number of bytes, or 64KiB, 16MiB, 1GiB"},
    {"interval", "9", "9 is below the minimum of 10 ms"},
    {"interval", "11min", "11min is above the maximum of 600000 ms"},
    {"keep-alive", "500ms", "500ms is below the minimum of 1 s"},
    {"keep-alive", "2min", "2min is above the maximum of 60 s"},
    {"keep-alive", "soon",
     "\"soon\" is not a duration: write a number of seconds, or 250ms, 3s, 5min"},
    {"enabled", "1", "\"1\" is not a boolean: write true or false"},
    {"order", "\x1b[2J", "\"\\x1b[2J\" is not one of Oldest, youngest, random"},
};

class RefusedValueTest : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedValueTest, SaysWhyInOneSentence) {
  std::map<std::string, std::string> given{{"host", "h"}};
  given[GetParam().option] = GetParam().text;
  const std::size_t line = GetParam().option < "host" || given.size() == 1 ? 1 : 2;
  EXPECT_THAT(validate(given).problems, ElementsAre("f:" + std::to_string(line) + ": a1.sinks.k1." +
                                                    GetParam().option + ": " + GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(Table, RefusedValueTest, ::testing::ValuesIn(kRefused));

TEST(ConfigTest, ALongValueIsCutInTheMessage) {
  const Validated validated = validate({{"batchSize", std::string(5000, 'x')}, {"host", "h"}});
  ASSERT_EQ(validated.problems.size(), 1U);
  EXPECT_LT(validated.problems[0].size(), 200U);
}

TEST(ConfigTest, ALongValueIsCutBetweenCharacters) {
  std::string euros;
  while (euros.size() < 90) euros += "€";
  const Validated euro = validate({{"batchSize", euros}, {"host", "h"}});
  EXPECT_THAT(euro.problems, ElementsAre(::testing::HasSubstr(euros.substr(0, 78) + "…\"")));
}

TEST(ConfigTest, AKeyWithoutEffectIsANoticeAndStaysUsable) {
  const Validated validated = validate({{"host", "h"}, {"threads", "4"}});
  EXPECT_FALSE(validated.has_errors);
  EXPECT_THAT(validated.problems,
              ElementsAre("f:2: a1.sinks.k1.threads: notice: threads are chosen by the runtime"));
  EXPECT_EQ(validated.config.count("threads"), 4U);
}

TEST(ConfigTest, NoValueIsOneWhereTheDefaultIsEmpty) {
  const Validated validated = validate({{"host", "h"}, {"suffix", ""}});
  EXPECT_THAT(validated.problems, IsEmpty());
  EXPECT_EQ(validated.config.string("suffix"), "");
  EXPECT_FALSE(validated.config.is_given("suffix"));
  EXPECT_THAT(validate({{"directory", ""}, {"groups.g", ""}, {"host", "h"}}).problems,
              ElementsAre(::testing::HasSubstr("directory: has no value"),
                          ::testing::HasSubstr("groups.g: has no value")));
}

TEST(ConfigDeathTest, AskingForAnOptionThatHasNoRowIsOurBug) {
  const Config config = Config::of(kOptions, {{"host", "h"}});
  EXPECT_DEATH(static_cast<void>(config.string("hosts")), "spec != nullptr");
  EXPECT_DEATH(static_cast<void>(config.count("host")), "types.end");
}

TEST(ConfigProblemTest, PlaceAndKeyAreLeftOutWhenThereIsNone) {
  EXPECT_EQ(to_string(ConfigProblem{{"f", 0}, "", "cannot be read"}), "f: cannot be read");
  EXPECT_EQ(to_string(ConfigProblem{{}, "a.b", "x"}), "a.b: x");
}

}  // namespace
}  // namespace spillway::agent
