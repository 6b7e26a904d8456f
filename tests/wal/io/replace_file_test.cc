// A replaced file holds the old or the new contents, whatever fails.
#include "wal/io/replace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace spillway::io {
namespace {

namespace fs = std::filesystem;

TEST(ReplaceFileTest, CreatesAndReplaces) {
  const test::TempDir dir;
  ASSERT_TRUE(replace_file(dir.file("position"), as_bytes("old")).has_value());
  ASSERT_TRUE(replace_file(dir.file("position"), as_bytes("newer")).has_value());
  EXPECT_EQ(dir.read("position"), "newer");
  EXPECT_FALSE(fs::exists(dir.path() / "position.tmp"));
}

TEST(ReplaceFileTest, NameMayBeRelative) {
  const test::TempDir dir;
  dir.write("position", "old");
  const fs::path before = fs::current_path();
  fs::current_path(dir.path());
  EXPECT_TRUE(replace_file("position", as_bytes("new")).has_value());
  fs::current_path(before);
  EXPECT_EQ(dir.read("position"), "new");
}

TEST(ReplaceFileTest, EmptyContentsMakeAnEmptyFile) {
  const test::TempDir dir;
  dir.write("position", "old");
  ASSERT_TRUE(replace_file(dir.file("position"), {}).has_value());
  EXPECT_TRUE(fs::is_empty(dir.path() / "position"));
}

TEST(ReplaceFileTest, FailedWriteKeepsTheOldContents) {
  const test::TempDir dir;
  dir.write("position", "old");
  {
    const test::FileSizeLimit limit(8);
    EXPECT_FALSE(replace_file(dir.file("position"), as_bytes("much too long")).has_value());
  }
  EXPECT_EQ(dir.read("position"), "old");
  EXPECT_FALSE(fs::exists(dir.path() / "position.tmp"));
}

TEST(ReplaceFileTest, LeftoverOfACrashDoesNotMatter) {
  const test::TempDir dir;
  dir.write("position.tmp", "half written long ago, and longer than what comes");
  ASSERT_TRUE(replace_file(dir.file("position"), as_bytes("new")).has_value());
  EXPECT_EQ(dir.read("position"), "new");
}

TEST(ReplaceFileTest, KeepsThePermissionsOfTheOldFile) {
  const test::TempDir dir;
  dir.write("position", "old");
  fs::permissions(dir.path() / "position", fs::perms::owner_all);
  ASSERT_TRUE(replace_file(dir.file("position"), as_bytes("new")).has_value());
  EXPECT_EQ(fs::status(dir.path() / "position").permissions(), fs::perms::owner_all);
}

TEST(ReplaceFileTest, NewFileHasThePermissionsAskedFor) {
  const test::TempDir dir;
  ASSERT_TRUE(replace_file(dir.file("secret"), as_bytes("new"), 0600).has_value());
  EXPECT_EQ(fs::status(dir.path() / "secret").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ReplaceFileTest, MissingDirectoryIsReported) {
  const test::TempDir dir;
  EXPECT_EQ(replace_file(dir.file("none/position"), as_bytes("new")).error().code, Errc::kNotFound);
}

TEST(ReplaceFileTest, TargetThatCannotBeReplacedStays) {
  const test::TempDir dir;
  fs::create_directory(dir.path() / "position");
  EXPECT_FALSE(replace_file(dir.file("position"), as_bytes("new")).has_value());
  EXPECT_TRUE(fs::is_directory(dir.path() / "position"));
  EXPECT_FALSE(fs::exists(dir.path() / "position.tmp"));
}

}  // namespace
}  // namespace spillway::io
