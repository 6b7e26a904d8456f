// AppendFile promises that a failed append leaves nothing behind once it is cut off, and that it
// never touches a file it did not create.
#include "wal/io/append_file.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace spillway::io {
namespace {

TEST(AppendFileTest, AppendsInOrder) {
  const test::TempDir dir;
  AppendFile file = std::move(AppendFile::create(dir.file("out")).value());
  ASSERT_TRUE(file.append(as_bytes("one ")).has_value());
  ASSERT_TRUE(file.append(as_bytes("two")).has_value());
  EXPECT_TRUE(file.sync().has_value());
  EXPECT_EQ(file.size_bytes(), 7U);
  EXPECT_EQ(dir.read("out"), "one two");
}

TEST(AppendFileTest, CreateLeavesAnExistingFileAlone) {
  const test::TempDir dir;
  dir.write("out", "precious");
  EXPECT_EQ(AppendFile::create(dir.file("out")).error().code, Errc::kExists);
  EXPECT_EQ(dir.read("out"), "precious");
}

TEST(AppendFileTest, OpenContinuesAnExistingFile) {
  const test::TempDir dir;
  dir.write("out", "old ");
  AppendFile file = std::move(AppendFile::open(dir.file("out")).value());
  EXPECT_EQ(file.size_bytes(), 4U);
  ASSERT_TRUE(file.append(as_bytes("new")).has_value());
  EXPECT_EQ(dir.read("out"), "old new");
}

TEST(AppendFileTest, CutRemovesWhatAFailedAppendLeftBehind) {
  const test::TempDir dir;
  AppendFile file = std::move(AppendFile::create(dir.file("out")).value());
  ASSERT_TRUE(file.append(as_bytes("whole\n")).has_value());
  {
    const test::FileSizeLimit limit(8);
    EXPECT_EQ(file.append(as_bytes("half a line\n")).error().os_error, EFBIG);
    EXPECT_EQ(dir.read("out"), "whole\nha");
    EXPECT_EQ(file.size_bytes(), 6U);
    EXPECT_TRUE(file.cut().has_value());
  }
  EXPECT_EQ(dir.read("out"), "whole\n");
  ASSERT_TRUE(file.append(as_bytes("next\n")).has_value());
  EXPECT_EQ(dir.read("out"), "whole\nnext\n");
}

TEST(AppendFileTest, FullDeviceIsReportedAsNoSpaceAndCannotBeCut) {
  AppendFile file = std::move(AppendFile::open("/dev/full").value());
  EXPECT_EQ(file.append(as_bytes("text")).error().code, Errc::kNoSpace);
  EXPECT_FALSE(file.cut().has_value());
}

}  // namespace
}  // namespace spillway::io
