// Only commits that overlap what disturbs them count.
#include "bench/commit_spans.h"

#include <gtest/gtest.h>

namespace spillway::bench {
namespace {

const std::vector<Span> kCommits{{10, 20}, {20, 50}, {60, 61}, {70, 75}};

TEST(CommitSpansTest, LongestCommitIsOneThatOverlaps) {
  EXPECT_EQ(longest_beside(kCommits, {{0, 5}, {65, 80}}), 5U);
  EXPECT_EQ(longest_beside(kCommits, {{12, 14}, {72, 73}}), 10U);
  EXPECT_EQ(longest_beside(kCommits, {{0, 100}}), 30U);
}

TEST(CommitSpansTest, EdgesOverlap) {
  EXPECT_EQ(longest_beside(kCommits, {{61, 62}}), 1U);
  EXPECT_EQ(longest_beside(kCommits, {{50, 52}}), 30U);
}

TEST(CommitSpansTest, NothingOverlapsNothing) {
  EXPECT_EQ(longest_beside(kCommits, {{62, 64}}), 0U);
  EXPECT_EQ(longest_beside(kCommits, {}), 0U);
  EXPECT_EQ(longest_beside({}, {{0, 100}}), 0U);
}

}  // namespace
}  // namespace spillway::bench
