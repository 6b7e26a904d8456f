// Nothing can be changed through a ReadOnlyDirectory, and looking needs no right to write.
#include "wal/io/read_only_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::io {
namespace {

class ReadOnlyDirectoryTest : public testing::Test {
 protected:
  std::unique_ptr<Directory> open_directory() {
    return std::move(ReadOnlyDirectory::open_path(dir_.path().string()).value());
  }

  const test::TempDir dir_;
};

TEST_F(ReadOnlyDirectoryTest, ReadsFilesOfAnySize) {
  dir_.write("file", std::string(5000, 'x'));
  const auto directory = open_directory();
  EXPECT_EQ(directory->list().value(), std::vector<std::string>{"file"});
  const auto file = std::move(directory->open("file", OpenMode::kRead).value());
  EXPECT_EQ(file->size_bytes().value(), 5000U);
  AlignedBuffer buffer(2 * kBlockBytes);
  ASSERT_EQ(file->read_at(0, buffer.span()).value(), 5000U);
  EXPECT_EQ(buffer.data()[4999], std::byte{'x'});
}

TEST_F(ReadOnlyDirectoryTest, RefusesEverythingThatWrites) {
  dir_.write("file", std::string(kBlockBytes, 'x'));
  const auto directory = open_directory();
  EXPECT_EQ(directory->open("new", OpenMode::kCreate).error().code, Errc::kUnsupported);
  EXPECT_EQ(directory->open("file", OpenMode::kReadWrite).error().code, Errc::kUnsupported);
  EXPECT_EQ(directory->remove("file").error().code, Errc::kUnsupported);
  EXPECT_EQ(directory->sync().error().code, Errc::kUnsupported);
  EXPECT_EQ(directory->lock().error().code, Errc::kUnsupported);
  const auto file = std::move(directory->open("file", OpenMode::kRead).value());
  const AlignedBuffer zeros(kBlockBytes);
  EXPECT_FALSE(file->write_at(0, zeros.span(), Durability::kNone).has_value());
  EXPECT_EQ(dir_.read("file"), std::string(kBlockBytes, 'x'));
  EXPECT_EQ(directory->list().value(), std::vector<std::string>{"file"});
}

TEST_F(ReadOnlyDirectoryTest, LookingLeavesTheDirectoryAsItWas) {
  dir_.write("file", "x");
  const auto changed = std::filesystem::last_write_time(dir_.path());
  const auto directory = open_directory();
  ASSERT_TRUE(directory->list().has_value());
  ASSERT_TRUE(directory->space().has_value());
  ASSERT_TRUE(directory->open("file", OpenMode::kRead).has_value());
  EXPECT_EQ(std::filesystem::last_write_time(dir_.path()), changed);
}

TEST_F(ReadOnlyDirectoryTest, MissingDirectoryIsNotCreated) {
  const std::string path = dir_.file("missing");
  EXPECT_EQ(ReadOnlyDirectory::open_path(path).error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace spillway::io
