// The contract of wal/io/file.h, kept alike by the kernel's file systems and the simulated one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "tests/wal/io/backends.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::io {
namespace {

using testing::ElementsAre;

class FileSystemTest : public testing::TestWithParam<test::BackendCase> {
 protected:
  std::unique_ptr<Directory> open_directory() {
    return std::move(
        backend_->files().open_directory(backend_->path(), FileSystem::Missing::kCreate).value());
  }

  static AlignedBuffer filled(std::size_t bytes, char with) {
    AlignedBuffer buffer(bytes);
    std::fill(buffer.span().begin(), buffer.span().end(), static_cast<std::byte>(with));
    return buffer;
  }

  // Everything in `file`, up to 8 blocks.
  static std::string contents(File& file) {
    AlignedBuffer read(8 * kBlockBytes);
    const auto count = file.read_at(0, read.span());
    return count.has_value() ? std::string(as_text(read.span().first(count.value()))) : "error";
  }

  static std::string block(char with) { return std::string(kBlockBytes, with); }

  const std::unique_ptr<test::Backend> backend_ = GetParam().make();
  const std::unique_ptr<Directory> directory_ = open_directory();
};

TEST_P(FileSystemTest, MissingDirectoryIsNotFoundUnlessAskedFor) {
  const std::string path = backend_->path() + "/deep/er";
  FileSystem& files = backend_->files();
  EXPECT_EQ(files.open_directory(path, FileSystem::Missing::kFail).error().code, Errc::kNotFound);
  EXPECT_TRUE(files.open_directory(path, FileSystem::Missing::kCreate).has_value());
  EXPECT_TRUE(files.open_directory(path, FileSystem::Missing::kFail).has_value());
  EXPECT_TRUE(files.open_directory(path + "/", FileSystem::Missing::kCreate).has_value());
}

TEST_P(FileSystemTest, OpenModesSayWhatMustBeThere) {
  EXPECT_EQ(directory_->open("log", OpenMode::kRead).error().code, Errc::kNotFound);
  EXPECT_EQ(directory_->open("log", OpenMode::kReadWrite).error().code, Errc::kNotFound);
  EXPECT_TRUE(directory_->open("log", OpenMode::kCreate).has_value());
  EXPECT_EQ(directory_->open("log", OpenMode::kCreate).error().code, Errc::kExists);
  EXPECT_TRUE(directory_->open("log", OpenMode::kReadWrite).has_value());
}

TEST_P(FileSystemTest, ReadOnlyFileRefusesWrites) {
  ASSERT_TRUE(directory_->open("log", OpenMode::kCreate).has_value());
  const auto file = std::move(directory_->open("log", OpenMode::kRead).value());
  const auto written = file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone);
  EXPECT_EQ(written.error().os_error, EBADF);
}

TEST_P(FileSystemTest, WritesReadBackDurableOrNot) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone).has_value());
  ASSERT_TRUE(file->write_at(kBlockBytes, filled(2 * kBlockBytes, 'b').span(), Durability::kDurable)
                  .has_value());
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_EQ(file->size_bytes().value(), 3 * kBlockBytes);
  EXPECT_EQ(contents(*file), block('a') + block('b') + block('b'));
  const auto again = std::move(directory_->open("log", OpenMode::kRead).value());
  EXPECT_EQ(contents(*again), contents(*file));
}

TEST_P(FileSystemTest, LaterWriteWinsAndHolesReadAsZeros) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(kBlockBytes, filled(2 * kBlockBytes, 'a').span(), Durability::kDurable)
                  .has_value());
  ASSERT_TRUE(
      file->write_at(kBlockBytes, filled(kBlockBytes, 'b').span(), Durability::kNone).has_value());
  EXPECT_EQ(contents(*file), block('\0') + block('b') + block('a'));
}

TEST_P(FileSystemTest, ReadStopsAtTheEndOfTheFile) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone).has_value());
  AlignedBuffer read(2 * kBlockBytes);
  EXPECT_EQ(file->read_at(0, read.span()).value(), kBlockBytes);
  EXPECT_EQ(file->read_at(kBlockBytes, read.span()).value(), 0U);
  EXPECT_EQ(file->read_at(16 * kBlockBytes, read.span()).value(), 0U);
}

TEST_P(FileSystemTest, AllocateGrowsWithZerosAndNeverShrinks) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone).has_value());
  ASSERT_TRUE(file->allocate(3 * kBlockBytes).has_value());
  ASSERT_TRUE(file->allocate(2 * kBlockBytes).has_value());
  EXPECT_EQ(file->size_bytes().value(), 3 * kBlockBytes);
  EXPECT_EQ(contents(*file), block('a') + block('\0') + block('\0'));
}

TEST_P(FileSystemTest, TruncateGivesUpTheEndForGoodAndNeverGrows) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(
      file->write_at(0, filled(3 * kBlockBytes, 'a').span(), Durability::kNone).has_value());
  ASSERT_TRUE(file->truncate(4 * kBlockBytes).has_value());
  EXPECT_EQ(file->size_bytes().value(), 3 * kBlockBytes);
  ASSERT_TRUE(file->truncate(kBlockBytes).has_value());
  EXPECT_EQ(contents(*file), block('a'));
  ASSERT_TRUE(file->allocate(2 * kBlockBytes).has_value());
  EXPECT_EQ(contents(*file), block('a') + block('\0'));
  ASSERT_TRUE(file->truncate(0).has_value());
  EXPECT_EQ(file->size_bytes().value(), 0U);
}

TEST_P(FileSystemTest, ListIsSortedAndKnowsRemovedNames) {
  ASSERT_TRUE(directory_->open("b", OpenMode::kCreate).has_value());
  ASSERT_TRUE(directory_->open("c", OpenMode::kCreate).has_value());
  ASSERT_TRUE(directory_->open("a", OpenMode::kCreate).has_value());
  EXPECT_THAT(directory_->list().value(), ElementsAre("a", "b", "c"));
  ASSERT_TRUE(directory_->remove("b").has_value());
  ASSERT_TRUE(directory_->sync().has_value());
  EXPECT_THAT(directory_->list().value(), ElementsAre("a", "c"));
  EXPECT_EQ(directory_->remove("b").error().code, Errc::kNotFound);
}

TEST_P(FileSystemTest, OpenFileOutlivesItsName) {
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->write_at(0, filled(kBlockBytes, 'a').span(), Durability::kNone).has_value());
  ASSERT_TRUE(directory_->remove("log").has_value());
  EXPECT_EQ(contents(*file), block('a'));
  const auto other = std::move(directory_->open("log", OpenMode::kCreate).value());
  EXPECT_EQ(contents(*other), "");
}

TEST_P(FileSystemTest, LockHasOneOwnerAndIsAFile) {
  {
    const auto lock = directory_->lock();
    ASSERT_TRUE(lock.has_value());
    EXPECT_EQ(open_directory()->lock().error().code, Errc::kLocked);
  }
  EXPECT_TRUE(open_directory()->lock().has_value());
  EXPECT_THAT(directory_->list().value(), ElementsAre("in_use.lock"));
}

TEST_P(FileSystemTest, SpaceShrinksByWhatIsAllocated) {
  constexpr std::uint64_t kBytes = 64 * kMiB;
  const SpaceInfo before = directory_->space().value();
  EXPECT_LE(before.free_bytes, before.total_bytes);
  const auto file = std::move(directory_->open("log", OpenMode::kCreate).value());
  ASSERT_TRUE(file->allocate(kBytes).has_value());
  // Others use the disk too: no exact figure.
  EXPECT_LT(directory_->space().value().free_bytes, before.free_bytes);
}

INSTANTIATE_TEST_SUITE_P(Backends, FileSystemTest,
                         testing::Values(test::BackendCase{"Disk", test::make_disk_backend},
                                         test::BackendCase{"Memory", test::make_memory_backend},
                                         test::BackendCase{"Simulated", test::make_sim_backend}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace spillway::io
