// Arguments of the benchmarks: numbers are read whole or refused, and a pair without its value is.
#include "bench/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace spillway::bench {
namespace {

using testing::ElementsAre;

TEST(ArgumentsTest, NumbersAreReadWholeOrNotAtAll) {
  EXPECT_THAT(parse_numbers("1,8,64").value(), ElementsAre(1, 8, 64));
  for (const char* text : {"", "1,", ",1", "1 2", "-1", "1x", "0x10", "99999999999999999999"}) {
    EXPECT_FALSE(parse_numbers(text).has_value()) << text;
  }
}

TEST(ArgumentsTest, ACountIsOneNumberFromOneOn) {
  EXPECT_EQ(parse_count("7"), 7U);
  EXPECT_FALSE(parse_count("0").has_value());
  EXPECT_FALSE(parse_count("1,2").has_value());
}

TEST(ArgumentsTest, ANameWithoutAValueIsRefused) {
  const std::vector<std::string_view> words{"--dir", "/tmp", "--json"};
  const auto problem = read_arguments(words, [](auto, auto) { return std::nullopt; });
  ASSERT_TRUE(problem.has_value());
  EXPECT_EQ(*problem, "--json: a value is missing");
}

TEST(ArgumentsTest, TheFirstProblemEndsTheReading) {
  const std::vector<std::string_view> words{"--a", "1", "--b", "2"};
  std::size_t calls = 0;
  const auto problem = read_arguments(
      words, [&](std::string_view name, std::string_view) -> std::optional<std::string> {
        ++calls;
        return std::string(name);
      });
  EXPECT_EQ(problem, "--a");
  EXPECT_EQ(calls, 1U);
}

}  // namespace
}  // namespace spillway::bench
