// What only a real kernel can show about the POSIX directory and its files: on a disk with direct
// I/O, and on tmpfs, which has none. The common contract is file_system_test.cc.
#include "wal/io/posix_directory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/posix_file_system.h"

namespace spillway::io {
namespace {

using testing::ElementsAre;

// Empty: wherever $TMPDIR points.
class PosixDirectoryTest : public testing::TestWithParam<const char*> {
 protected:
  PosixDirectoryTest() : dir_(GetParam()) {}

  std::unique_ptr<Directory> open_directory() {
    return std::move(PosixDirectory::open_path(dir_.path().string()).value());
  }

  static AlignedBuffer filled(std::size_t bytes, char with) {
    AlignedBuffer buffer(bytes);
    std::fill(buffer.span().begin(), buffer.span().end(), static_cast<std::byte>(with));
    return buffer;
  }

  const test::TempDir dir_;
};

TEST_P(PosixDirectoryTest, ReadEndsWithTheFileEvenInsideABlock) {
  dir_.write("odd", std::string(kBlockBytes + 100, 'x'));
  const auto directory = open_directory();
  const auto file = std::move(directory->open("odd", OpenMode::kRead).value());
  AlignedBuffer read(4 * kBlockBytes);
  EXPECT_EQ(file->read_at(0, read.span()).value(), kBlockBytes + 100);
  EXPECT_EQ(file->read_at(8 * kBlockBytes, read.span()).value(), 0U);
}

TEST_P(PosixDirectoryTest, WriteOfNothingChangesNothing) {
  const auto directory = open_directory();
  const auto file = std::move(directory->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(kBlockBytes, {}, Durability::kDurable).has_value());
  EXPECT_EQ(file->size_bytes().value(), 0U);
}

TEST_P(PosixDirectoryTest, DirectoryIsMadeByARelativePathAndNotWhereThereCanBeNone) {
  dir_.write("file", "");
  PosixFileSystem file_system;
  constexpr auto kCreate = FileSystem::Missing::kCreate;
  EXPECT_EQ(file_system.open_directory(dir_.file("file") + "/below", kCreate).error().os_error,
            ENOTDIR);
  EXPECT_FALSE(file_system.open_directory("", kCreate).has_value());
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir_.path());
  EXPECT_TRUE(file_system.open_directory("made", kCreate).has_value());
  std::filesystem::current_path(before);
  EXPECT_TRUE(std::filesystem::is_directory(dir_.path() / "made"));
}

TEST_P(PosixDirectoryTest, FileThatCannotGrowFailsAndKeepsWhatItHad) {
  const auto directory = open_directory();
  const auto file = std::move(directory->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone).has_value());
  {
    const test::FileSizeLimit limit(2 * kBlockBytes);
    const auto written =
        file->write_at(kBlockBytes, filled(2 * kBlockBytes, 'b').span(), Durability::kDurable);
    // The kernel takes the first block; asked for the second one, it says why not.
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().os_error, EFBIG);
    EXPECT_EQ(written.error().at, 2 * kBlockBytes);
    EXPECT_FALSE(file->allocate(4 * kBlockBytes).has_value());
  }
  EXPECT_EQ(dir_.read("log"), std::string(kBlockBytes, 'a') + std::string(kBlockBytes, 'b'));
}

TEST_P(PosixDirectoryTest, DescriptorsDoNotLeakIntoChildPrograms) {
  const auto directory = open_directory();
  const auto file = std::move(directory->open("log", OpenMode::kCreate).value());
  EXPECT_NE(::fcntl(file->descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(PosixDirectoryTest, SpecialFilesAreRefusedWithoutBlocking) {
  ASSERT_EQ(::mkfifo(dir_.file("pipe").c_str(), 0600), 0);
  const auto directory = open_directory();
  EXPECT_EQ(directory->open("pipe", OpenMode::kRead).error().code, Errc::kUnsupported);
}

TEST_P(PosixDirectoryTest, ListsRegularFilesSorted) {
  dir_.write("b", "");
  dir_.write("a", "");
  std::filesystem::create_directory(dir_.path() / "folder");
  std::filesystem::create_symlink("a", dir_.path() / "link");
  EXPECT_THAT(open_directory()->list().value(), ElementsAre("a", "b"));
}

TEST_P(PosixDirectoryTest, FollowsTheDirectoryWhenItIsRenamed) {
  std::filesystem::create_directory(dir_.path() / "old");
  const auto directory = std::move(PosixDirectory::open_path(dir_.file("old")).value());
  std::filesystem::rename(dir_.path() / "old", dir_.path() / "new");
  EXPECT_TRUE(directory->open("log", OpenMode::kCreate).has_value());
  EXPECT_TRUE(std::filesystem::exists(dir_.path() / "new" / "log"));
  EXPECT_EQ(directory->path(), dir_.file("old"));
}

TEST_P(PosixDirectoryTest, SpaceTellsSizesAndLeavesNoProbeBehind) {
  const auto directory = open_directory();
  const SpaceInfo space = directory->space().value();
  EXPECT_GT(space.total_bytes, 0U);
  EXPECT_LE(space.free_bytes, space.total_bytes);
  EXPECT_THAT(directory->list().value(), ElementsAre());
}

INSTANTIATE_TEST_SUITE_P(Media, PosixDirectoryTest, testing::Values("", "/dev/shm"),
                         [](const auto& instance) {
                           return std::string(*instance.param == '\0' ? "Disk" : "Memory");
                         });

TEST(PosixDirectoryMemoryTest, TmpfsIsNotDirectAndTakesUnalignedReads) {
  const test::TempDir dir("/dev/shm");
  dir.write("text", "hello world");
  const auto directory = std::move(PosixDirectory::open_path(dir.path().string()).value());
  EXPECT_FALSE(directory->space().value().is_direct);
  const auto file = std::move(directory->open("text", OpenMode::kRead).value());
  std::string read(5, '\0');
  EXPECT_EQ(file->read_at(6, std::as_writable_bytes(std::span(read))).value(), 5U);
  EXPECT_EQ(read, "world");
}

TEST(PosixFileSystemTest, CreatesMissingParentsOnlyWhenAsked) {
  const test::TempDir dir;
  PosixFileSystem files;
  const std::string path = dir.file("a/b/c/");
  EXPECT_EQ(files.open_directory(path, FileSystem::Missing::kFail).error().code, Errc::kNotFound);
  EXPECT_TRUE(files.open_directory(path, FileSystem::Missing::kCreate).has_value());
  EXPECT_TRUE(files.open_directory(path, FileSystem::Missing::kCreate).has_value());
  EXPECT_TRUE(files.open_directory(path, FileSystem::Missing::kFail).has_value());
}

TEST(PosixFileSystemTest, FileInTheWayIsReported) {
  const test::TempDir dir;
  PosixFileSystem files;
  dir.write("file", "");
  EXPECT_FALSE(files.open_directory(dir.file("file"), FileSystem::Missing::kCreate).has_value());
  EXPECT_FALSE(
      files.open_directory(dir.file("file/below"), FileSystem::Missing::kCreate).has_value());
}

}  // namespace
}  // namespace spillway::io
