// What is sent to collectors is lines of the size that is told, and a file in which one of them is
// missing, doubled, changed or out of place is found out.
#include "bench/peers/collectors/numbered_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "wal/base/random.h"

namespace spillway::bench {
namespace {

std::string line(std::size_t connection, std::uint64_t number) {
  std::string text;
  append_line(connection, number, text);
  return text;
}

std::string lines(std::size_t connection, std::uint64_t first, std::uint64_t end) {
  std::string text;
  for (std::uint64_t i = first; i < end; ++i) append_line(connection, i, text);
  return text;
}

LineChecker checked(std::string_view text, std::uint64_t expected) {
  LineChecker checker(expected);
  checker.feed(text);
  checker.finish();
  return checker;
}

TEST(NumberedLinesTest, EachHasItsSizeAndItsNewlineAtTheEnd) {
  for (const std::uint64_t number : {0UL, 255UL, 256UL, 9'999'999'999UL}) {
    const std::string text = line(99, number);
    EXPECT_EQ(text.size(), kLineBytes);
    EXPECT_EQ(text.find('\n'), kLineBytes - 1);
  }
}

TEST(NumberedLinesTest, BlocksGiveTheSameLinesHoweverTheyAreTaken) {
  Random random(3);
  for (const std::uint64_t first : {0UL, 1UL, 255UL, 1000UL}) {
    const std::uint64_t end = first + 700;
    LineBlocks blocks(7, first, end);
    std::string sent;
    while (!blocks.rest().empty()) {
      const std::size_t bytes = 1 + random.below(std::min<std::size_t>(blocks.rest().size(), 9000));
      sent += blocks.rest().substr(0, bytes);
      blocks.consume(bytes);
    }
    EXPECT_EQ(sent, lines(7, first, end));
  }
  EXPECT_TRUE(LineBlocks(0, 5, 5).rest().empty());
}

TEST(NumberedLinesTest, WhatIsWholeIsGoodInAnyPieces) {
  const std::string text = lines(1, 0, 20) + lines(0, 20, 40);
  Random random(5);
  LineChecker checker(40);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = random.below(1200);
    checker.feed(std::string_view(text).substr(at, bytes));
    at += bytes;
  }
  checker.finish();
  EXPECT_EQ(checker.good(), 40U);
  EXPECT_EQ(checker.missing() + checker.repeated() + checker.wrong() + checker.disordered(), 0U);
}

TEST(NumberedLinesTest, EachFaultIsCounted) {
  EXPECT_EQ(checked(lines(0, 0, 9), 10).missing(), 1U);
  EXPECT_EQ(checked(lines(0, 0, 10) + line(0, 3), 10).repeated(), 1U);
  EXPECT_EQ(checked(line(0, 1) + line(0, 0), 2).disordered(), 1U);
  EXPECT_EQ(checked(line(0, 1) + line(1, 0), 2).disordered(), 0U);  // another connection's
  EXPECT_EQ(checked(lines(0, 0, 3), 2).wrong(), 1U);                // never sent
  EXPECT_EQ(checked(line(0, 0).substr(0, 499), 1).wrong(), 1U);     // no newline
  for (const std::size_t at : {0UL, 33UL, 100UL, 498UL}) {
    std::string text = line(0, 0);
    text[at] = '~';
    EXPECT_EQ(checked(text, 1).wrong(), 1U) << at;
  }
}

}  // namespace
}  // namespace spillway::bench
