// What is renamed keeps its contents, and never takes the place of something else.
#include "wal/io/rename_new.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/temp_dir.h"

namespace spillway::io {
namespace {

namespace fs = std::filesystem;

TEST(RenameNewTest, FilesAndDirectoriesGetTheirName) {
  const test::TempDir dir;
  dir.write("a", "contents");
  fs::create_directory(dir.path() / "d");
  ASSERT_TRUE(rename_new(dir.file("a"), dir.file("b")).has_value());
  ASSERT_TRUE(rename_new(dir.file("d"), dir.file("e")).has_value());
  EXPECT_EQ(dir.read("b"), "contents");
  EXPECT_TRUE(fs::is_directory(dir.path() / "e"));
  EXPECT_FALSE(fs::exists(dir.path() / "a"));
}

TEST(RenameNewTest, TakenNameIsLeftAlone) {
  const test::TempDir dir;
  dir.write("a", "new");
  dir.write("b", "old");
  fs::create_directory(dir.path() / "d");
  fs::create_directory(dir.path() / "empty");
  fs::create_symlink("nowhere", dir.path() / "link");
  EXPECT_EQ(rename_new(dir.file("a"), dir.file("b")).error().code, Errc::kExists);
  EXPECT_EQ(rename_new(dir.file("d"), dir.file("empty")).error().code, Errc::kExists);
  EXPECT_EQ(rename_new(dir.file("a"), dir.file("link")).error().code, Errc::kExists);
  EXPECT_EQ(dir.read("a"), "new");
  EXPECT_EQ(dir.read("b"), "old");
}

TEST(RenameNewTest, NamesMayBeRelative) {
  const test::TempDir dir;
  dir.write("a", "contents");
  const fs::path before = fs::current_path();
  fs::current_path(dir.path());
  EXPECT_TRUE(rename_new("a", "b").has_value());
  fs::current_path(before);
  EXPECT_EQ(dir.read("b"), "contents");
}

TEST(RenameNewTest, MissingFileIsAnError) {
  const test::TempDir dir;
  EXPECT_EQ(rename_new(dir.file("a"), dir.file("b")).error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace spillway::io
