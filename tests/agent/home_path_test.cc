// "~" stands for the home directory at the beginning of a path and nowhere else.

#include "agent/home_path.h"

#include <gtest/gtest.h>

#include "tests/support/environment.h"

namespace spillway::agent {
namespace {

TEST(HomePathTest, LeadingTildeIsTheHomeDirectory) {
  const test::Environment home("HOME", "/home/flume");
  EXPECT_EQ(expand_home("~/.flume/data").value(), "/home/flume/.flume/data");
  EXPECT_EQ(expand_home("~").value(), "/home/flume");
}

TEST(HomePathTest, OtherPathsStayAsTheyAre) {
  const test::Environment home("HOME", "/home/flume");
  EXPECT_EQ(expand_home("/var/~/data").value(), "/var/~/data");
  EXPECT_EQ(expand_home("~other/data").value(), "~other/data");
  EXPECT_EQ(expand_home("").value(), "");
}

TEST(HomePathTest, PasswordDatabaseIsAskedWithoutHome) {
  const test::Environment home("HOME", nullptr);
  EXPECT_TRUE(expand_home("~/x").value().starts_with('/'));
}

}  // namespace
}  // namespace spillway::agent
